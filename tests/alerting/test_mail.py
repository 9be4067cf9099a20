"""The mail adapter and its sandbox, at the edges."""

import dataclasses
import email.policy
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from alerting.channels.mail import SmtpChannel, compose
from alerting.channels.port import Accepted, OutgoingMessage, Refusal, TryLater, Unknown
from alerting.sandbox import SENDER, SandboxProviders
from alerting.sandbox.smtp import LARGEST_MAIL, problem_with
from alerting.settings import AlertSettings
from tests.alerting.conftest import NOW, MovableClock

MESSAGE = OutgoingMessage(
    key="<n1@jikimi.example.com>",
    to="kim@client.example.com",
    subject="[지킴이 높음] 시험",
    body="본문\n",
    html="<p>본문</p>",
    created_at=NOW,
)


@pytest.fixture
async def sandbox(tmp_path: Path, clock: MovableClock) -> AsyncIterator[SandboxProviders]:
    async with SandboxProviders.start(tmp_path, clock) as started:
        yield started


def channel_of(sandbox: SandboxProviders) -> SmtpChannel:
    return SmtpChannel(sandbox.settings(AlertSettings()))


def reread(message: OutgoingMessage) -> EmailMessage:
    return message_from_bytes(compose(message, SENDER).as_bytes(), policy=email.policy.default)


def test_a_second_attempt_names_the_same_mail() -> None:
    """Everything that identifies it comes from the message, nothing from the moment."""
    first, second = reread(MESSAGE), reread(MESSAGE)
    for header in ("Message-ID", "Date", "Subject", "From", "To"):
        assert first[header] == second[header]
    assert first["Message-ID"] == MESSAGE.key
    assert first["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("length", range(1, 40))
def test_every_space_of_a_long_subject_arrives(length: int) -> None:
    """RFC 2047 section 6.2: readers drop what stands between two encoded words, so no space may stand there."""
    subject = f"[지킴이 매우높음] {'가' * length} 관리자 권한 탈취 의심 나 다 라 마"
    mail = compose(dataclasses.replace(MESSAGE, subject=subject), SENDER)
    assert message_from_bytes(mail.as_bytes(), policy=email.policy.default)["Subject"] == subject
    head = mail.as_bytes().partition(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n")) <= 76


def test_a_line_break_in_the_subject_starts_no_header() -> None:
    """Titles carry values from events."""
    mail = reread(dataclasses.replace(MESSAGE, subject="가\r\nBcc: evil@example.com"))
    assert mail["Bcc"] is None
    assert mail["Subject"] == "가 Bcc: evil@example.com"


@pytest.mark.parametrize("address", ["kim", "kim@", "@example.com", "kim@host", "a@b.example, c@d.example", ""])
async def test_what_is_no_address_is_refused_without_asking_a_server(address: str) -> None:
    """With a reason that does not repeat it."""
    outcome = await SmtpChannel(AlertSettings(smtp_from=SENDER)).send(dataclasses.replace(MESSAGE, to=address))
    assert isinstance(outcome, Refusal)
    assert "name@example.com" in outcome.detail


async def test_a_server_that_is_not_there_is_tried_later() -> None:
    """Connection refused: certainly not sent."""
    settings = AlertSettings(smtp_host="127.0.0.1", smtp_port=9, smtp_user="u", smtp_from=SENDER)
    assert isinstance(await SmtpChannel(settings).send(MESSAGE), TryLater)


async def test_each_answer_of_a_server_has_its_outcome(sandbox: SandboxProviders) -> None:
    """4yz later, 5yz never, a lost line unknown, 250 accepted."""
    sandbox.smtp.faults.extend(["busy", "no_such_user", "message_refused", "drop_after_data"])
    outcomes = [type(await channel_of(sandbox).send(MESSAGE)) for _ in range(5)]
    assert outcomes == [TryLater, Refusal, Refusal, Unknown, Accepted]


async def test_the_sandbox_takes_no_mail_without_tls_and_sign_in(sandbox: SandboxProviders) -> None:
    """As a submission server on the Internet would not."""
    client = aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False)
    async with client:
        with pytest.raises(aiosmtplib.SMTPException):
            await client.send_message(compose(MESSAGE, SENDER))
    assert sandbox.smtp.mails == []


def _without(header: str) -> EmailMessage:
    mail = reread(MESSAGE)
    del mail[header]
    return mail


@pytest.mark.parametrize("header", ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version"])
def test_the_sandbox_refuses_a_mail_without_a_header(header: str) -> None:
    """RFC 5322 section 3.6, and what receivers demand beyond it."""
    assert header in problem_with(_without(header), "alerts@jikimi.example.com", "jikimi.example.com", 100)


def test_the_sandbox_refuses_a_foreign_sender_a_huge_mail_and_html_alone() -> None:
    """What a provider's account may not do."""
    good = reread(MESSAGE)
    assert problem_with(good, "alerts@jikimi.example.com", "jikimi.example.com", 100) == ""
    assert problem_with(good, "alerts@other.example.com", "jikimi.example.com", 100)
    assert problem_with(good, "alerts@jikimi.example.com", "jikimi.example.com", LARGEST_MAIL + 1)
    alone = reread(MESSAGE)
    alone.clear_content()
    alone.set_content("<p>본문</p>", subtype="html")
    assert (
        problem_with(alone, "alerts@jikimi.example.com", "jikimi.example.com", 100) == "no plain text beside the HTML"
    )
