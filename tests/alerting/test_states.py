"""The state machine, move by move."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.channels.port import Accepted, Delivered, NotFound, Outcome, Refusal, TryLater, Unknown
from alerting.states import (
    ASK_FOR,
    SETTLING,
    State,
    after_attempt,
    after_lost_lease,
    after_question,
    after_receipt,
    backoff,
    next_question,
)
from tests.alerting.conftest import NOW

outcomes: st.SearchStrategy[Outcome] = st.sampled_from(
    [Accepted("ref"), TryLater("busy"), Refusal("no such number"), Unknown("line lost")]
)


def attempt(outcome: Outcome, *, attempts: int = 1, resend_is_safe: bool = False) -> State:
    return after_attempt(
        outcome, attempts=attempts, max_attempts=8, resend_is_safe=resend_is_safe, now=NOW, jitter=0
    ).state


class TestAfterAttempt:
    def test_each_outcome_has_its_state(self) -> None:
        """An SMS of unknown outcome waits; a mail goes again."""
        assert attempt(Accepted("ref")) == State.accepted
        assert attempt(TryLater("busy")) == State.pending
        assert attempt(Refusal("no")) == State.failed
        assert attempt(Unknown("lost")) == State.unknown
        assert attempt(Unknown("lost"), resend_is_safe=True) == State.pending

    @given(outcomes, st.integers(1, 30), st.booleans())
    def test_a_message_that_may_have_gone_is_never_sent_again_unasked(
        self, outcome: Outcome, attempts: int, resend_is_safe: bool
    ) -> None:
        """Law: unknown leads to pending only where a second copy is recognised."""
        state = attempt(outcome, attempts=attempts, resend_is_safe=resend_is_safe)
        if isinstance(outcome, Unknown) and not resend_is_safe:
            assert state == State.unknown

    @given(outcomes, st.integers(8, 30), st.booleans())
    def test_attempts_end(self, outcome: Outcome, attempts: int, resend_is_safe: bool) -> None:
        """Law: after the last attempt nothing is pending."""
        assert attempt(outcome, attempts=attempts, resend_is_safe=resend_is_safe) != State.pending

    @given(st.integers(1, 20), st.floats(0, 1, exclude_max=True))
    def test_backoff_doubles_and_is_spread_by_half(self, attempts: int, jitter: float) -> None:
        """15 s · 2ⁿ, at most half an hour, times 1 to 1.5."""
        plain = min(15 * 2 ** (attempts - 1), 1800)
        assert plain <= backoff(attempts, jitter).total_seconds() <= plain * 1.5

    def test_a_lost_lease_is_an_unknown_outcome(self) -> None:
        """The sender may have died after the provider took the message."""
        lost = after_lost_lease(attempts=1, max_attempts=8, resend_is_safe=False, now=NOW)
        assert lost.state == State.unknown


class TestAfterQuestion:
    def question(self, answer: Accepted | NotFound | None, waited: timedelta, attempts: int = 1) -> State:
        return after_question(answer, attempted_at=NOW, attempts=attempts, max_attempts=8, now=NOW + waited).state

    def test_found_is_accepted(self) -> None:
        """No second message."""
        assert self.question(Accepted("ref"), timedelta(seconds=1)) == State.accepted

    def test_not_found_counts_only_once_the_list_has_settled(self) -> None:
        """A list that lags is no proof."""
        assert self.question(NotFound(), SETTLING / 2) == State.unknown
        assert self.question(NotFound(), SETTLING) == State.pending
        assert self.question(NotFound(), SETTLING, attempts=8) == State.failed

    def test_no_answer_leaves_it_unknown_for_ever(self) -> None:
        """Visible, neither doubled nor declared lost."""
        assert self.question(None, ASK_FOR * 2) == State.unknown


class TestAfterReceipt:
    def test_receipts_end_the_way(self) -> None:
        """Delivered, or failed with the words of the provider."""
        assert after_receipt(Delivered(), accepted_at=NOW, now=NOW).state == State.delivered
        failed = after_receipt(Refusal("handset off"), accepted_at=NOW, now=NOW)
        assert (failed.state, "handset off" in failed.error) == (State.failed, True)

    def test_a_missing_receipt_changes_nothing(self) -> None:
        """It can take two days: nobody concludes anything from it."""
        assert after_receipt(None, accepted_at=NOW, now=NOW + timedelta(hours=30)).state == State.accepted

    @given(st.integers(0, 72 * 3600 - 1))
    def test_questions_grow_rarer(self, waited: int) -> None:
        """Law: between five seconds and an hour apart."""
        now = NOW + timedelta(seconds=waited)
        gap = next_question(NOW, now) - now
        assert timedelta(seconds=5) <= gap <= timedelta(hours=1)
