"""Stages, exceptions and quarantine in a running worker, without a restart."""

from datetime import UTC, datetime

import pytest

from detectors.release import flood, follow
from detectors.release.life import Life, running
from detectors.sigma.load import load_rules
from detectors.titles import sentence
from jikimi.errors import Misconfigured
from jikimi.storage.schema import (
    findings,
    incidents,
    outbox,
    rule_exceptions,
    rule_history,
    rule_hits,
    rule_quarantine,
)
from tests.detectors.release.watch import Watch, shells, steps

BACKUP = """
title: Backup
logsource: {product: test}
filter:
    rules: [NAME]
    sel: {User: backup}
    condition: not sel
"""


class TestStages:
    async def test_a_rule_in_shadow_is_counted_and_tells_nobody(self, watch: Watch) -> None:
        async with watch.working():
            await watch.stage("shell", "shadow")
            await watch.followed()
            await watch.look(shells(7))
        assert await watch.found() == 0
        assert (await watch.rows(incidents), await watch.rows(outbox)) == ([], [])
        (hits,) = await watch.rows(rule_hits)
        assert (hits.tenant_id, hits.stage, hits.hits) == ("a", "shadow", 7)
        assert hits.event_ids == [f"agent-a.e.{n}" for n in range(5)]

    async def test_a_promoted_rule_alerts_and_its_neighbours_never_stopped(self, watch: Watch) -> None:
        async with watch.working():
            await watch.stage("shell", "shadow")
            await watch.followed()
            await watch.look([*shells(2), {"Image": "/usr/bin/other"}])
            await watch.stage("shell", "promote")
            await watch.followed()
            await watch.look(shells(3))
        assert (await watch.found("A Shell"), await watch.found("Another Program")) == (3, 1)
        by_stage = {row.stage: row.hits for row in await watch.rows(rule_hits) if row.hits > 1}
        assert by_stage == {"shadow": 2, "live": 3}

    async def test_a_draft_is_not_even_counted(self, watch: Watch) -> None:
        async with watch.working():
            await watch.stage("shell", "draft")
            await watch.followed()
            await watch.look(shells(5))
        assert (await watch.found(), await watch.rows(rule_hits)) == (0, [])

    async def test_a_correlation_in_shadow_counts_and_goes_live_with_all_it_counted(self, watch: Watch) -> None:
        async with watch.working():
            await watch.stage("many", "shadow")
            await watch.followed()
            await watch.look(steps(12))
            assert await watch.found() == 0
            await watch.stage("many", "live")
            await watch.followed()
            await watch.look(steps(3))
        (finding,) = await watch.rows(findings)
        assert finding.event_count == 15
        (hits,) = await watch.rows(rule_hits)
        assert (hits.stage, hits.hits) == ("shadow", 1)

    async def test_a_rule_that_only_feeds_is_staged_through_its_correlation(self, watch: Watch) -> None:
        with pytest.raises(Misconfigured, match="Many Steps"):
            await watch.stage("step", "shadow")

    async def test_who_changed_a_stage_and_why_is_kept(self, watch: Watch) -> None:
        await watch.stage("shell", "draft")
        await watch.stage("shell", "promote")
        first, second = await watch.rows(rule_history)
        assert (first.actor, first.kind, first.detail["was"]) == ("kim", "staged", "live")
        assert second.detail == {"was": "draft", "stage": "shadow", "why": "because"}

    async def test_stages_outlive_a_restart(self, watch: Watch) -> None:
        await watch.stage("shell", "draft")
        async with watch.working():
            await watch.look(shells(5))
        assert await watch.found() == 0

    async def test_every_worker_follows(self, watch: Watch) -> None:
        async with watch.working("one", "two"):
            await watch.stage("shell", "shadow")
            await watch.followed()
            await watch.look(shells(2))
            await watch.look(shells(2), tenant="b")
        assert await watch.found() == 0


class TestExceptions:
    async def test_an_exception_holds_for_its_company_alone_and_is_counted(self, watch: Watch) -> None:
        async with watch.working():
            await watch.grant("shell", BACKUP.replace("NAME", "shell"))
            await watch.followed()
            for tenant in ("a", "b"):
                await watch.look([*shells(3, User="backup"), *shells(2, User="kim")], tenant)
        assert (await watch.found(tenant="a"), await watch.found(tenant="b")) == (2, 5)
        (kept,) = await watch.rows(rule_exceptions)
        assert (kept.suppressed, kept.last_suppressed_at is None) == (3, False)

    async def test_what_is_excepted_from_a_correlation_is_not_counted_by_it(self, watch: Watch) -> None:
        async with watch.working():
            await watch.grant("many", BACKUP.replace("NAME", "many"))
            await watch.followed()
            await watch.look([*steps(9, User="backup"), *steps(9, User="kim")])
            assert await watch.found() == 0
            await watch.look(steps(1, User="kim"))
        (finding,) = await watch.rows(findings)
        assert finding.event_count == 10

    async def test_an_exception_outlives_its_rules_absence(self, watch: Watch) -> None:
        async with watch.working():
            await watch.grant("shell", BACKUP.replace("NAME", "shell"))
            text = (watch.rules / "shell.yml").read_text()
            (watch.rules / "shell.yml").unlink()
            await watch.reload()
            await watch.followed()
            watch.write({"shell.yml": text})
            await watch.reload()
            await watch.followed()
            await watch.look([*shells(3, User="backup"), *shells(1, User="kim")])
        assert await watch.found() == 1

    async def test_a_withdrawn_exception_takes_nothing_away(self, watch: Watch) -> None:
        async with watch.working():
            granted = await watch.grant("shell", BACKUP.replace("NAME", "shell"))
            await watch.followed()
            async with watch.database.write() as connection:
                await watch.desk.withdraw(connection, granted, "kim", "moved")
            await watch.followed()
            await watch.look(shells(2, User="backup"))
        assert await watch.found() == 2

    async def test_an_expired_exception_stops_by_itself(self, watch: Watch) -> None:
        granted = await watch.grant("shell", BACKUP.replace("NAME", "shell"))
        async with watch.working():
            await watch.look(shells(1, User="backup"))
            assert await watch.found() == 0
            async with watch.database.write() as connection:
                ended = rule_exceptions.update().where(rule_exceptions.c.id == granted)
                await connection.execute(ended.values(expires_at=watch.now))
        async with watch.working():
            await watch.look(shells(1, User="backup"))
        assert await watch.found() == 1


class TestQuarantine:
    @pytest.fixture(autouse=True)
    def limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(flood, "MOST_A_MINUTE", 20)

    async def test_a_rule_that_floods_is_set_aside_and_what_it_would_have_told_is_counted(self, watch: Watch) -> None:
        async with watch.working():
            await watch.look([*shells(50), {"Image": "/usr/bin/other"}])
            await watch.followed()
            await watch.look([*shells(5), {"Image": "/usr/bin/other"}])
            await watch.look(shells(3), tenant="b")
        assert (await watch.found("A Shell", "a"), await watch.found("Another Program")) == (20, 2)
        assert await watch.found("A Shell", "b") == 3
        (barred,) = await watch.rows(rule_quarantine)
        assert (barred.kind, barred.tenant_id, barred.overflow) == ("flooded", "a", 35)
        assert sum(row.hits for row in await watch.rows(rule_hits) if row.tenant_id == "a") == 57

    async def test_a_flood_that_goes_on_is_told_once(self, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
        """The worker lives by its own quarantine at once, however seldom it looks for what others changed."""
        monkeypatch.setattr(follow, "LOOK_EVERY_SECONDS", 3600.0)
        async with watch.working():
            for _ in range(3):
                await watch.look(shells(50))
        (barred,) = await watch.rows(rule_quarantine)
        assert (await watch.found("A Shell"), barred.overflow) == (20, 130)
        assert await watch.found("Rule in quarantine") == 1

    async def test_the_centre_is_told_and_the_company_is_not(self, watch: Watch) -> None:
        async with watch.working():
            await watch.look(shells(50))
        (health,) = [row for row in await watch.rows(findings) if row.rule_title == "Rule in quarantine"]
        assert "A Shell" in health.title_ko
        (incident,) = [row for row in await watch.rows(incidents) if row.id == health.incident_id]
        assert incident.title_ko == health.title_ko
        assert incident.id not in {row.incident_id for row in await watch.rows(outbox)}

    async def test_a_released_rule_speaks_again(self, watch: Watch) -> None:
        async with watch.working():
            await watch.look(shells(50))
            await watch.followed()
            flood.MOST_A_MINUTE = 200
            async with watch.database.write() as connection:
                released = await watch.desk.release(connection, "shell", "kim", "mended")
            await watch.followed()
            await watch.look(shells(4))
        assert released["overflow"] == 30
        assert await watch.found("A Shell") == 24

    async def test_a_rule_that_throws_is_set_aside_everywhere_and_the_others_go_on(
        self, watch: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(words: object, tags: object, device: str, event: dict[str, object], counts: object) -> object:
            if event.get("Image") == "/bin/sh":
                raise ZeroDivisionError("no such word")
            return sentence(words, tags, device, event, counts)  # type: ignore[arg-type]

        monkeypatch.setattr("detectors.findings.sentence", fails)
        async with watch.working():
            await watch.look([*shells(3), {"Image": "/usr/bin/other"}])
            await watch.followed()
            await watch.look([*shells(3), {"Image": "/usr/bin/other"}], tenant="b")
        (barred,) = await watch.rows(rule_quarantine)
        assert (barred.kind, barred.tenant_id) == ("threw", "*")
        assert "no such word" in barred.reason
        assert (await watch.found("A Shell"), await watch.found("Another Program")) == (0, 2)

    async def test_another_version_of_the_rule_is_free(self, watch: Watch) -> None:
        async with watch.working():
            await watch.look(shells(50))
            await watch.followed()
            mended = (watch.rules / "shell.yml").read_text().replace("A Shell", "A Better Shell")
            watch.write({"shell.yml": mended})
            await watch.reload()
            await watch.followed()
            await watch.look(shells(2))
        assert await watch.found("A Better Shell") == 2


def test_half_of_many_events_is_a_flood_and_half_of_few_is_not() -> None:
    meter = flood.FloodMeter()
    now = datetime(2026, 11, 22, 3, 0, 7, tzinfo=UTC)
    meter.open("a", now, 100)
    assert not any(meter.count("a", "r") for _ in range(100))
    meter.open("b", now, flood.SHARE_FROM_EVENTS)
    reasons = [meter.count("b", "r") for _ in range(flood.SHARE_FROM_EVENTS // 2 + 1)]
    assert not any(reasons[:-1])
    assert "50%" in reasons[-1]
    meter.open("b", now.replace(minute=1), 10)
    assert meter.count("b", "r") == ""


def test_a_rule_set_of_which_nothing_is_said_is_run_as_it_is(watch: Watch) -> None:
    rules = load_rules([watch.rules])[0]
    assert running(rules, Life()) is rules
