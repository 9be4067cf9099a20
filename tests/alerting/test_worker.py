"""The worker against real protocols: sandboxes that verify what providers verify."""

from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from alerting.channels import Channels, build_channels
from alerting.expand import token_hash
from alerting.settings import AlertSettings
from alerting.worker import AlertWorker
from jikimi.domain.risk import RiskLevel
from jikimi.storage.schema import (
    answer_links,
    changes,
    contacts,
    deliveries,
    incident_history,
    incidents,
    notifications,
    outbox,
)
from tests.alerting.conftest import NOW, Centre, StepUntilQuiet


class TestTelling:
    async def test_an_incident_reaches_its_contact_by_sms_and_mail_with_a_working_link(
        self, centre: Centre, run_quiet: StepUntilQuiet
    ) -> None:
        """Both arrive, and each carries a link whose hash is kept."""
        await centre.tell()
        await run_quiet()
        (sms,) = centre.sandbox.sens.messages
        (mail,) = centre.sandbox.smtp.mails
        hashes = {row.token_hash for row in await centre.rows(answer_links)}
        plain = mail.get_body(("plain",))
        assert plain is not None
        tokens = [text.rpartition("/k/")[2][:22] for text in (sms.content, plain.get_content())]
        assert {token_hash(token) for token in tokens} == hashes
        assert sms.to == "01000000000"
        assert not sms.was_cut

    async def test_acceptance_marks_the_incident_told_and_writes_history(
        self, centre: Centre, run_quiet: StepUntilQuiet
    ) -> None:
        """`told_at` is the first acceptance; each accepted notice is one entry."""
        await centre.tell()
        await run_quiet()
        (incident,) = await centre.rows(incidents)
        assert incident.told_at == NOW
        entries = [row.detail for row in await centre.rows(incident_history) if row.kind == "notified"]
        assert sorted((entry["channel"], entry["state"]) for entry in entries) == [
            ("mail", "accepted"),
            ("sms", "accepted"),
        ]
        assert {row.kind for row in await centre.rows(changes)} == {"notice"}

    async def test_a_receipt_makes_an_sms_delivered(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """The provider is asked after some seconds."""
        await centre.tell()
        await run_quiet()
        centre.clock.move(seconds=6)
        await run_quiet()
        assert [row.state for row in await centre.notices("sms")] == ["delivered"]

    async def test_an_unreachable_handset_is_a_visible_failure(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """Accepted, then failed, with the vendor's words."""
        centre.sandbox.sens.unreachable.add("01000000000")
        await centre.tell()
        await run_quiet()
        centre.clock.move(seconds=6)
        await run_quiet()
        (sms,) = await centre.notices("sms")
        assert sms.state == "failed"
        assert "unreachable" in sms.last_error

    async def test_the_link_leaves_the_database_once_the_provider_has_it(
        self, centre: Centre, run_quiet: StepUntilQuiet
    ) -> None:
        """A copy of the database opens no client page."""
        await centre.tell()
        await run_quiet()
        token = centre.sandbox.sens.messages[0].content.rpartition("/k/")[2]
        assert all(token not in row.body + row.html for row in await centre.notices())

    async def test_thresholds_choose_the_channels(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """A low risk goes by mail only, as the contact's levels say."""
        await centre.tell(risk=RiskLevel.low)
        await run_quiet()
        assert [row.channel for row in await centre.notices()] == ["mail"]

    async def test_a_company_without_a_contact_is_seen_in_the_history(
        self, centre: Centre, run_quiet: StepUntilQuiet
    ) -> None:
        """Nobody was told, and that is written down."""
        async with centre.database.write() as connection:
            await connection.execute(update(contacts).values(email="", phone=""))
        await centre.tell()
        await run_quiet()
        (entry,) = await centre.rows(incident_history)
        assert entry.kind == "noted"
        assert entry.detail["text"].startswith("알린 사람이 없습니다")

    async def test_an_outbox_row_is_expanded_once(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """A second round finds nothing to do."""
        await centre.tell()
        await run_quiet()
        await run_quiet()
        assert len(await centre.notices()) == 2
        assert [row.expanded_at for row in await centre.rows(outbox)] == [NOW]


class TestTrouble:
    async def test_a_busy_provider_is_tried_again_after_its_backoff(
        self, centre: Centre, run_quiet: StepUntilQuiet
    ) -> None:
        """503: pending with a reason, then accepted; both attempts are on record."""
        centre.sandbox.sens.faults.append("unavailable")
        await centre.tell()
        await run_quiet()
        (sms,) = await centre.notices("sms")
        assert (sms.state, sms.attempts) == ("pending", 1)
        assert "503" in sms.last_error
        centre.clock.move(seconds=23)
        await run_quiet()
        assert len(centre.sandbox.sens.messages) == 1
        outcomes = [row.outcome for row in await centre.rows(deliveries) if row.provider == "sens"]
        assert outcomes == ["transient", "accepted"]

    async def test_an_sms_whose_answer_was_lost_is_found_and_not_sent_again(
        self, centre: Centre, run_quiet: StepUntilQuiet
    ) -> None:
        """The provider took it, the line broke: one message, accepted."""
        centre.sandbox.sens.faults.append("drop_after")
        await centre.tell()
        await run_quiet()
        (sms,) = await centre.notices("sms")
        assert sms.state == "unknown"
        centre.clock.move(seconds=6)
        await run_quiet()
        (sms,) = await centre.notices("sms")
        assert sms.state == "accepted"
        assert len(centre.sandbox.sens.messages) == 1

    async def test_an_sms_that_never_arrived_is_sent_again(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """The line broke before the provider took it: asked, not found, sent."""
        centre.sandbox.sens.faults.append("drop_before")
        await centre.tell()
        for _ in range(6):
            await run_quiet()
            centre.clock.move(seconds=15)
        assert len(centre.sandbox.sens.messages) == 1
        (sms,) = await centre.notices("sms")
        assert (sms.state, sms.attempts) == ("delivered", 2)

    async def test_a_mail_lost_after_data_goes_again_under_the_same_message_id(
        self, centre: Centre, run_quiet: StepUntilQuiet
    ) -> None:
        """Two copies, one mail."""
        centre.sandbox.smtp.faults.append("drop_after_data")
        await centre.tell()
        await run_quiet()
        centre.clock.move(seconds=23)
        await run_quiet()
        assert len(centre.sandbox.smtp.mails) == 1
        assert list(centre.sandbox.smtp.copies.values()) == [2]
        assert [row.state for row in await centre.notices("mail")] == ["accepted"]

    async def test_a_refused_recipient_fails_at_once(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """5xx is final and says why, without the address."""
        centre.sandbox.smtp.faults.append("no_such_user")
        await centre.tell()
        await run_quiet()
        (mail,) = await centre.notices("mail")
        assert mail.state == "failed"
        assert mail.last_error.startswith("550")
        assert "@" not in mail.last_error

    async def test_attempts_end_in_a_visible_failure(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """A provider that stays away: failed after the configured number, in the history too."""
        centre.sandbox.smtp.faults.extend(["busy"] * 20)
        await centre.tell()
        for _ in range(40):
            await run_quiet()
            centre.clock.move(minutes=20)
        (mail,) = await centre.notices("mail")
        assert (mail.state, mail.attempts) == ("failed", 8)
        assert any(row.detail.get("state") == "failed" for row in await centre.rows(incident_history))

    @pytest.mark.parametrize("arrived", [True, False])
    async def test_a_sender_killed_in_the_middle_neither_doubles_nor_loses_an_sms(
        self, centre: Centre, run_quiet: StepUntilQuiet, arrived: bool
    ) -> None:
        """Its lease runs out; the provider is asked; the message is there once."""
        await centre.tell()
        await _die_while_sending(centre, arrived=arrived)
        centre.clock.move(seconds=50)
        for _ in range(8):
            await run_quiet()
            centre.clock.move(seconds=20)
        assert len(centre.sandbox.sens.messages) == 1
        assert [row.state for row in await centre.notices("sms")] == ["delivered"]

    async def test_a_row_that_cannot_be_told_of_is_noted_and_holds_up_nobody(
        self, centre: Centre, run_quiet: StepUntilQuiet
    ) -> None:
        """The analyst reads why on the incident; the next incident's people are told."""
        broken = await centre.tell(kind="no-such-kind")
        await centre.tell()
        await run_quiet()
        notes = [row for row in await centre.rows(incident_history) if row.kind == "noted"]
        assert [row.incident_id for row in notes] == [broken]
        assert "no message could be made" in notes[0].detail["text"]
        assert len(centre.sandbox.sens.messages) == len(centre.sandbox.smtp.mails) == 1

    async def test_a_long_address_matters_only_where_sms_are_sent(self, centre: Centre) -> None:
        """Without an SMS provider mails go on with any domain."""
        settings = centre.settings.model_copy(
            update={"public_url": f"https://{'a' * 60}.example.com", "sens_service_id": "", "sens_from": ""}
            | {"sens_access_key": SecretStr(""), "sens_secret_key": SecretStr("")}
        )
        async with build_channels(settings, centre.clock) as channels:
            worker = AlertWorker(centre.database, channels, settings, centre.clock)
            await centre.tell()
            while await worker.step():
                pass
        states = {row.channel: row.state for row in await centre.notices()}
        assert states == {"sms": "suppressed", "mail": "accepted"}

    async def test_without_a_provider_a_notice_is_suppressed_with_the_reason(self, centre: Centre) -> None:
        """It never pretends."""
        settings = AlertSettings(public_url="https://jk.example")
        async with build_channels(settings) as channels:
            worker = AlertWorker(centre.database, channels, settings, centre.clock)
            await centre.tell()
            while await worker.step():
                pass
        states = {row.channel: (row.state, row.last_error) for row in await centre.notices()}
        assert states["sms"][0] == states["mail"][0] == "suppressed"
        assert states["sms"][1].startswith("no SMS provider is configured")


class TestStorms:
    async def test_what_waits_for_the_limit_goes_out_as_one_message(
        self, centre: Centre, run_quiet: StepUntilQuiet
    ) -> None:
        """38 incidents at once: one SMS, a minute later one for the other 37."""
        for _ in range(38):
            await centre.tell()
        await run_quiet()
        assert len(centre.sandbox.sens.messages) == 1
        centre.clock.move(seconds=61)
        await run_quiet()
        assert len(centre.sandbox.sens.messages) == 2
        assert "외 36건" in centre.sandbox.sens.messages[1].content
        states = [row.state for row in await centre.notices("sms")]
        assert states.count("bundled") == 36

    async def test_a_very_high_risk_does_not_wait(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """It passes the contact's limit."""
        await centre.tell()
        await run_quiet()
        await centre.tell(risk=RiskLevel.very_high)
        await run_quiet()
        assert len(centre.sandbox.sens.messages) == 2

    async def test_a_raise_is_told_instead_of_what_it_raises(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """Opened and raised before anything went: one SMS, which counts no other."""
        incident = await centre.tell(risk=RiskLevel.medium)
        centre.clock.move(seconds=1)
        await centre.tell(risk=RiskLevel.high, kind="raised", incident_id=incident)
        await run_quiet()
        (message,) = centre.sandbox.sens.messages
        assert message.content.startswith("[지킴이 높음↑]")
        assert "외 " not in message.content
        assert sorted(row.state for row in await centre.notices("sms")) == ["accepted", "bundled"]

    async def test_every_incident_of_a_bundle_counts_as_told(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """`told_at` is set for the bundled ones too."""
        for _ in range(6):
            await centre.tell()
        await run_quiet()
        assert all(row.told_at == NOW for row in await centre.rows(incidents))

    async def test_a_bundle_fails_as_one(self, centre: Centre, run_quiet: StepUntilQuiet) -> None:
        """When the message that tells of others is refused, they are not left as told."""
        async with centre.database.write() as connection:
            await connection.execute(update(contacts).values(phone=""))
        for _ in range(6):
            await centre.tell()
        centre.sandbox.smtp.faults.extend(["message_refused"] * 3)
        await run_quiet()
        assert {row.state for row in await centre.notices("mail")} == {"failed"}


async def _die_while_sending(centre: Centre, *, arrived: bool) -> None:
    """A worker takes the SMS, perhaps hands it over, and is never heard of again."""
    if not arrived:
        centre.sandbox.sens.faults.append("drop_before")
    async with build_channels(centre.settings, centre.clock) as channels:
        worker = AlertWorker(centre.database, Channels(channels.of("sms")), centre.settings, centre.clock)
        await worker.expand()
        await worker.send("sms")
    async with centre.database.write() as connection:  # as if the result had never been written
        await connection.execute(deliveries.delete())
        await connection.execute(incident_history.delete())
        await connection.execute(
            update(notifications)
            .where(notifications.c.channel == "sms")
            .values(
                state="sending",
                lease_until=NOW + timedelta(seconds=45),
                updated_at=NOW,
                provider_ref="",
                body=centre.sandbox.sens.messages[0].content if arrived else notifications.c.body,
            )
        )
