"""Findings become incidents."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from detectors.incidents import WINDOW, Advice, Book, Incident, Key, Lead, keys_of
from jikimi.domain.finding import Finding
from jikimi.domain.incident import HistoryKind
from jikimi.domain.logsource import WEB_INTEGRITY
from jikimi.domain.risk import RiskLevel
from tests.detectors.factories import START, finding


def book(incidents: Sequence[Incident] = (), leads: dict[Key, Lead] | None = None) -> Book:
    return Book(incidents, leads or {}, next_number=1, now=START)


def add(held: Book, *batch: Finding) -> list[Incident]:
    return [held.add(one, Advice()) for one in batch]


class TestGrouping:
    def test_the_first_finding_opens_an_incident_at_once(self) -> None:
        held = book()
        (incident,) = add(held, finding())
        assert (incident.finding_count, incident.title_ko) == (1, "rule-1 발견")
        assert [notice.kind for notice in held.notices()] == ["opened"]
        assert [entry.kind for entry in held.history] == [HistoryKind.opened]

    def test_sharing_the_device_joins(self) -> None:
        one, two = add(book(), finding("a"), finding("b", at=60, user="lee"))
        assert one is two

    def test_sharing_the_user_on_another_device_joins(self) -> None:
        one, two = add(book(), finding("a"), finding("b", at=60, device_id="device-2", device_name="PC-2"))
        assert one is two

    def test_sharing_the_rule_on_another_device_joins(self) -> None:
        one, two = add(book(), finding("a"), finding("a", at=60, device_id="device-2", user="lee"))
        assert one is two
        assert one.rules["a"].count == 2

    def test_each_web_site_has_its_own_though_the_rule_is_the_same(self) -> None:
        shop, again, blog = add(
            book(),
            finding("down", logsource=WEB_INTEGRITY, device_name="shop", user=""),
            finding("defaced", at=30, logsource=WEB_INTEGRITY, device_name="shop", user=""),
            finding("down", at=60, logsource=WEB_INTEGRITY, device_name="blog", user=""),
        )
        assert shop is again
        assert blog is not shop

    def test_sharing_nothing_opens_another(self) -> None:
        one, two = add(book(), finding("a"), finding("b", at=60, device_id="device-2", user="lee"))
        assert one is not two

    def test_sharing_the_machine_account_is_sharing_nothing(self) -> None:
        for account in ("NT AUTHORITY\\SYSTEM", "-", "", "PC-7$", "root"):
            one, two = add(book(), finding("a", user=account), finding("b", device_id="device-2", user=account))
            assert one is not two, account

    def test_another_tenant_never_joins(self) -> None:
        one, two = add(book(), finding("a"), finding("a", tenant_id="tenant-2"))
        assert one is not two

    def test_after_the_window_a_new_incident_opens(self) -> None:
        late = WINDOW.total_seconds() + 1
        one, two, three = add(book(), finding("a"), finding("a", at=late), finding("a", at=late + 1))
        assert one is not two
        assert two is three

    def test_a_closed_incident_takes_no_more(self) -> None:
        first = book()
        (closed,) = add(first, finding("a"))
        closed.status = "closed"
        (fresh,) = add(book([closed], first.leads_changed), finding("a", at=1))
        assert fresh is not closed

    def test_the_device_decides_before_the_user_and_the_rule(self) -> None:
        held = book()
        here, there = add(held, finding("a", user="lee"), finding("b", device_id="device-2", user="kim"))
        (joined,) = add(held, finding("b", at=5, user="kim"))
        assert joined is here
        assert here is not there


class TestCounts:
    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 9000)), max_size=30))
    def test_every_finding_is_counted_in_exactly_one_incident(self, plan: list[tuple[str, str, int]]) -> None:
        held = book()
        batch = [
            finding(rule, at=at, device_id=device, user="", id=f"{n}", event_count=n + 1)
            for n, (rule, device, at) in enumerate(plan)
        ]
        add(held, *batch)
        assert sum(incident.finding_count for incident in held.changed.values()) == len(batch)
        assert sum(incident.event_count for incident in held.changed.values()) == sum(f.event_count for f in batch)
        assert sum(t.count for i in held.changed.values() for t in i.rules.values()) == len(batch)

    def test_a_finding_that_goes_on_raises_the_event_count_by_the_difference(self) -> None:
        held = book()
        (incident,) = add(held, finding("a", event_count=50, title_ko="50개"))
        held.grow(finding("a", event_count=214, title_ko="214개"), incident.id, 50)
        assert (incident.finding_count, incident.event_count) == (1, 214)
        assert incident.title_ko == "214개"


class TestRisk:
    def test_a_worse_finding_takes_the_title_and_raises_the_risk_with_a_notice(self) -> None:
        first = book()
        (incident,) = add(first, finding("a", level="medium"))
        later = book([incident], first.leads_changed)
        add(later, finding("b", at=9, level="critical"))
        assert incident.risk is RiskLevel.very_high
        assert incident.title_ko == "b 발견"
        assert [(n.kind, n.dedup_key) for n in later.notices()] == [("raised", f"{incident.id}:raised:very_high")]
        assert [entry.kind for entry in later.history] == [HistoryKind.raised]

    def test_a_milder_finding_changes_neither_title_nor_risk(self) -> None:
        first = book()
        (incident,) = add(first, finding("a", level="high"))
        later = book([incident], first.leads_changed)
        add(later, finding("b", at=9, level="low"))
        assert (incident.risk, incident.title_ko) == (RiskLevel.high, "a 발견")
        assert later.notices() == []

    def test_one_batch_gives_one_notice(self) -> None:
        held = book()
        add(held, finding("a"), finding("b", at=1, level="critical"))
        assert [notice.kind for notice in held.notices()] == ["opened"]


def test_the_same_findings_make_the_same_incident_ids() -> None:
    again = [add(book(), finding("a"), finding("a", at=WINDOW / timedelta(seconds=1) + 1)) for _ in range(2)]
    assert [i.id for i in again[0]] == [i.id for i in again[1]]


def test_keys_fit_their_column() -> None:
    assert all(len(key) <= 300 for _, key in keys_of(finding("r" * 500, user="u" * 500, device_name="d" * 500)))
