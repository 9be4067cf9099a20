"""The SENS adapter against a gateway that verifies as the vendor's contract says."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from alerting.channels.port import Accepted, Delivered, NotFound, OutgoingMessage, Refusal, TryLater, Unknown
from alerting.channels.sms_sens import SensChannel, domestic_number, signature
from alerting.sandbox import SandboxProviders
from alerting.settings import AlertSettings
from tests.alerting.conftest import NOW, MovableClock


def sms(
    body: str = "[지킴이 높음] 시험 jk.example/k/x", to: str = "010-0000-0000", subject: str = ""
) -> OutgoingMessage:
    return OutgoingMessage(key="n1", to=to, subject=subject, body=body, html="", created_at=NOW)


@pytest.fixture
async def sandbox(tmp_path: Path, clock: MovableClock) -> AsyncIterator[SandboxProviders]:
    async with SandboxProviders.start(tmp_path, clock) as started:
        yield started


@pytest.fixture
async def sens(sandbox: SandboxProviders, clock: MovableClock) -> AsyncIterator[SensChannel]:
    channel = SensChannel(sandbox.settings(AlertSettings()), clock)
    yield channel
    await channel.close()


def test_the_signature_is_the_vendors_formula() -> None:
    """HMAC-SHA256 over method, URI, timestamp and access key, computed once by `openssl dgst -hmac`."""
    given = signature(
        "secret", method="POST", uri="/sms/v2/services/s/messages", timestamp="1700000000000", access_key="key"
    )
    assert given == "H27hXjViXSHepxusUvJblOCtLbYkul+imC2gQG2k3ts="


async def test_an_accepted_sms_is_what_was_written(sens: SensChannel, sandbox: SandboxProviders) -> None:
    """Number in domestic form, text unchanged, from the registered sender."""
    outcome = await sens.send(sms())
    (taken,) = sandbox.sens.messages
    assert outcome == Accepted(ref=taken.request_id, detail="202 success")
    assert (taken.to, taken.content, taken.type) == ("01000000000", sms().body, "SMS")


async def test_a_message_with_a_subject_is_an_lms(sens: SensChannel, sandbox: SandboxProviders) -> None:
    """Long texts go only where a subject says that they may."""
    await sens.send(sms(body="가" * 500, subject="[지킴이] 안내"))
    assert (sandbox.sens.messages[0].type, sandbox.sens.messages[0].was_cut) == ("LMS", False)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (sms(body="가" * 41), "82 bytes"),
        (sms(body="😀"), "U+1F600"),
        (sms(body="똠"), "U+B620"),
        (sms(to="+1 555 0100"), "Korean"),
        (sms(to="kim"), "Korean"),
        (sms(subject="가" * 21), "subject"),
    ],
)
async def test_what_would_be_cut_or_lost_is_refused_here(
    sens: SensChannel, sandbox: SandboxProviders, message: OutgoingMessage, reason: str
) -> None:
    """Never sent, with the reason and without the number."""
    outcome = await sens.send(message)
    assert isinstance(outcome, Refusal)
    assert reason in outcome.detail
    assert "555" not in outcome.detail
    assert sandbox.sens.messages == []


async def test_a_wrong_clock_is_told_and_tried_later(sandbox: SandboxProviders, clock: MovableClock) -> None:
    """More than five minutes off: the gateway's refusal is the provider's trouble, not the message's."""
    behind = MovableClock(clock() - timedelta(minutes=5, seconds=1))
    channel = SensChannel(sandbox.settings(AlertSettings()), behind)
    outcome = await channel.send(sms())
    await channel.close()
    assert isinstance(outcome, TryLater)
    assert outcome.detail.startswith("401")


async def test_a_wrong_secret_is_refused_by_the_gateway(sandbox: SandboxProviders, clock: MovableClock) -> None:
    """The sandbox verifies the signature."""
    settings = sandbox.settings(AlertSettings()).model_copy(update={"sens_secret_key": SecretStr("other")})
    channel = SensChannel(settings, clock)
    outcome = await channel.send(sms())
    await channel.close()
    assert isinstance(outcome, TryLater)


async def test_an_unregistered_sender_is_refused(sandbox: SandboxProviders, clock: MovableClock) -> None:
    """With the vendor's words."""
    settings = sandbox.settings(AlertSettings()).model_copy(update={"sens_from": "0211112222"})
    channel = SensChannel(settings, clock)
    outcome = await channel.send(sms())
    await channel.close()
    assert isinstance(outcome, Refusal)
    assert "registered" in outcome.detail


async def test_a_provider_that_is_not_there_is_tried_later(clock: MovableClock) -> None:
    """Connection refused: certainly not sent."""
    settings = AlertSettings(sens_url="http://127.0.0.1:9", sens_service_id="s", sens_from="0200000000")
    channel = SensChannel(settings, clock)
    outcome = await channel.send(sms())
    await channel.close()
    assert isinstance(outcome, TryLater)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("unavailable", TryLater),
        ("too_many", TryLater),
        ("server_error", Unknown),
        ("drop_before", Unknown),
        ("drop_after", Unknown),
    ],
)
async def test_each_fault_has_its_outcome(
    sens: SensChannel, sandbox: SandboxProviders, fault: str, kind: type[TryLater | Unknown]
) -> None:
    """What may have been sent is unknown, what was turned away is not."""
    sandbox.sens.faults.append(fault)  # type: ignore[arg-type]  # parametrised
    assert isinstance(await sens.send(sms()), kind)


async def test_a_receipt_is_read_from_the_result(sens: SensChannel, sandbox: SandboxProviders) -> None:
    """Delivered, refused, or nothing known of this request."""
    sandbox.sens.unreachable.add("01011112222")
    good, bad = await sens.send(sms()), await sens.send(sms(to="010-1111-2222"))
    assert isinstance(good, Accepted)
    assert isinstance(bad, Accepted)
    assert isinstance(await sens.receipt(good.ref), Delivered)
    assert isinstance(await sens.receipt(bad.ref), Refusal)
    assert await sens.receipt("no-such-request") is None


async def test_finding_tells_the_same_text_to_another_from_ours(sens: SensChannel, clock: MovableClock) -> None:
    """Only the same words to the same number within those minutes are our message."""
    await sens.send(sms())
    assert isinstance(await sens.find(sms(), NOW), Accepted)
    assert isinstance(await sens.find(sms(to="010-1111-2222"), NOW), NotFound)
    assert isinstance(await sens.find(sms(body="다른 글"), NOW), NotFound)
    assert isinstance(await sens.find(sms(), NOW + timedelta(hours=1)), NotFound)


async def test_a_full_list_proves_nothing(sens: SensChannel, sandbox: SandboxProviders) -> None:
    """Further pages may hold the message: not found is not said."""
    for number in range(51):
        await sens.send(sms(body=f"글 {number}", to="010-1111-2222"))
    assert await sens.find(sms(), NOW) is None


async def test_what_the_sandbox_took_survives_its_restart(tmp_path: Path, clock: MovableClock) -> None:
    """As a real provider remembers."""
    for _ in range(2):
        async with SandboxProviders.start(tmp_path, clock) as started:
            channel = SensChannel(started.settings(AlertSettings()), clock)
            await channel.send(sms())
            await channel.close()
            remembered = len(started.sens.messages)
    assert remembered == 2


async def test_the_sandbox_cuts_an_sms_of_91_bytes_as_the_vendor_does(
    sandbox: SandboxProviders, clock: MovableClock
) -> None:
    """Silently, which is why we count ourselves."""
    content = "x" * 91
    answer = await _post(sandbox, clock, {"type": "SMS", "content": content, "messages": [{"to": "01000000000"}]})
    assert answer.status_code == 202
    assert (sandbox.sens.messages[0].was_cut, len(sandbox.sens.messages[0].content)) == (True, 90)


@pytest.mark.parametrize(
    "document",
    [
        {"type": "SMS", "content": "x", "messages": [{"to": "01000000000"}] * 101},
        {"type": "SMS", "content": "x", "messages": []},
        {"type": "FAX", "content": "x", "messages": [{"to": "01000000000"}]},
        {"type": "SMS", "content": "", "messages": [{"to": "01000000000"}]},
        {"type": "SMS", "content": "x", "messages": [{"to": "010-0000-0000"}]},
    ],
)
async def test_the_sandbox_refuses_what_the_contract_refuses(
    sandbox: SandboxProviders, clock: MovableClock, document: dict[str, object]
) -> None:
    """Batch size, type, content and number form."""
    assert (await _post(sandbox, clock, document)).status_code == 400
    assert sandbox.sens.messages == []


@pytest.mark.parametrize(
    ("written", "domestic"),
    [("010-1234-5678", "01012345678"), ("+82 10-1234-5678", "01012345678"), ("+82 (0)2 123 4567", "021234567")],
)
def test_usual_spellings_of_a_number_are_one_number(written: str, domestic: str) -> None:
    """As the vendor wants it: digits only."""
    assert domestic_number(written) == domestic


async def _post(sandbox: SandboxProviders, clock: MovableClock, document: dict[str, object]) -> httpx.Response:
    account = sandbox.sens.account
    uri = f"/sms/v2/services/{account.service_id}/messages"
    stamp = str(int(clock().timestamp() * 1000))
    headers = {
        "x-ncp-apigw-timestamp": stamp,
        "x-ncp-iam-access-key": account.access_key,
        "x-ncp-apigw-signature-v2": signature(
            account.secret_key, method="POST", uri=uri, timestamp=stamp, access_key=account.access_key
        ),
        "content-type": "application/json; charset=utf-8",
    }
    body = json.dumps({"from": account.senders[0], **document})
    async with httpx.AsyncClient() as client:
        return await client.post(sandbox.sens_url + uri, content=body, headers=headers)
