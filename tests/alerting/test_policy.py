"""Limits and bundling, as laws over any arrival of notices."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.policy import CONTACT_LIMITS, Send, Waiting, next_free, plan
from jikimi.domain.risk import RiskLevel
from tests.alerting.conftest import NOW

SMS = CONTACT_LIMITS["sms"]
Arrival = tuple[int, RiskLevel, bool, bool, int]
"""Second, risk, whether it tells of an end, whether it was tried before, incident."""
arrivals = st.lists(
    st.tuples(st.integers(0, 7200), st.sampled_from(RiskLevel), st.booleans(), st.booleans(), st.integers(0, 30)),
    max_size=60,
)


def simulate(came: Sequence[Arrival]) -> tuple[list[tuple[datetime, str]], dict[str, str]]:
    """Run the policy at every moment at which it asks to be run: (what was sent when, who told of whom)."""
    notices = [
        (
            NOW + timedelta(seconds=second),
            Waiting(str(n), str(incident), risk, ends, NOW + timedelta(seconds=second), alone),
        )
        for n, (second, risk, ends, alone, incident) in enumerate(came)
    ]
    due = {notice.id: (at, notice) for at, notice in notices}
    sent: list[tuple[datetime, str]] = []
    bundled: dict[str, str] = {}
    while due:
        now = min(at for at, _ in due.values())
        waiting = [notice for at, notice in due.values() if at <= now]
        recent = [at for at, _ in sent if at > now - timedelta(hours=1)]
        decided = plan(waiting, recent, SMS, now)
        for send in decided.sends:
            sent.append((now, send.id))
            del due[send.id]
            for other in (*send.others, *send.outdated):
                bundled[other] = send.id
                del due[other]
        for left in decided.waits:
            assert decided.wait_until is not None
            assert decided.wait_until > now, "the policy must get on"
            due[left] = (decided.wait_until, due[left][1])
    return sent, bundled


@settings(deadline=None)
@given(arrivals)
def test_every_notice_is_sent_or_told_of_once(came: list[Arrival]) -> None:
    """Law: nothing lost, nothing twice, and who tells of another is itself sent."""
    sent, bundled = simulate(came)
    ids = [name for _, name in sent]
    assert sorted([*ids, *bundled]) == sorted(str(n) for n in range(len(came)))
    assert set(bundled.values()) <= set(ids)


@settings(deadline=None)
@given(arrivals)
def test_a_contact_is_never_written_to_beyond_the_limits(came: list[Arrival]) -> None:
    """Law: when an ordinary message goes, each window before it still had room."""
    sent, _ = simulate(came)
    urgent = {str(n) for n, (_, risk, ends, _, _) in enumerate(came) if risk == RiskLevel.very_high and not ends}
    for position, (at, name) in enumerate(sent):
        if name in urgent:
            continue
        for limit in SMS:
            earlier = [when for when, _ in sent[:position] if when > at - limit.window]
            assert len(earlier) < limit.count


@settings(deadline=None)
@given(arrivals)
def test_a_very_high_risk_goes_at_once_and_counts_no_others(came: list[Arrival]) -> None:
    """Law: it passes contact limits."""
    sent, bundled = simulate(came)
    when = {name: at for at, name in sent}
    for n, (second, risk, ends, _, incident) in enumerate(came):
        if risk == RiskLevel.very_high and not ends:
            assert when[str(n)] == NOW + timedelta(seconds=second)
            assert all(came[int(other)][4] == incident for other, lead in bundled.items() if lead == str(n))


def test_the_first_goes_alone_and_the_rest_as_one() -> None:
    """38 at once: one, and a minute later the worst of the rest with 36 others."""
    sent, bundled = simulate([(0, RiskLevel.medium, False, False, n) for n in range(38)])
    assert [at - NOW for at, _ in sent] == [timedelta(0), timedelta(minutes=1)]
    assert len(bundled) == 36


def test_a_raise_takes_the_place_of_what_it_raises() -> None:
    """Nobody reads "medium" after "very high"."""
    waiting = [
        Waiting("opened", "i1", RiskLevel.medium, False, NOW),
        Waiting("raised", "i1", RiskLevel.very_high, False, NOW + timedelta(seconds=1)),
        Waiting("other", "i2", RiskLevel.low, False, NOW),
    ]
    decided = plan(waiting, [], SMS, NOW + timedelta(seconds=2))
    assert decided.sends == (Send("raised", outdated=("opened",)),)
    assert decided.waits == ("other",)


def test_an_end_does_not_lead_a_bundle() -> None:
    """What began is told before what ended."""
    waiting = [
        Waiting("end", "i1", RiskLevel.very_high, True, NOW),
        Waiting("new", "i2", RiskLevel.low, False, NOW + timedelta(seconds=1)),
    ]
    now = NOW + timedelta(minutes=5)
    assert plan(waiting, [NOW], SMS, now).sends[0].id == "new"


def test_next_free_is_the_end_of_the_fullest_window() -> None:
    """Five in a quarter of an hour: the sixth waits for the first to leave."""
    times = [NOW + timedelta(minutes=2 * n) for n in range(5)]
    assert next_free(times, SMS, NOW + timedelta(minutes=10)) == NOW + timedelta(minutes=15)
