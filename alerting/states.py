"""A notification's way, as a pure function: state and outcome in, next state out.

pending → sending → accepted → delivered
   ↑         │          └────→ failed      the receipt says no
   ├─────────┤ certainly not sent: again later, until the attempts are used up (failed)
   └ unknown ┘ may have been sent: SMS waits until the provider says whether it has it; mail goes again under
               the same Message-ID
suppressed: no provider is configured for its kind.   bundled: another message tells of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.channels.port import Accepted, Delivered, NotFound, Outcome, Receipt, Refusal, TryLater, Unknown

FIRST_BACKOFF = timedelta(seconds=15)
LONGEST_BACKOFF = timedelta(minutes=30)
FIRST_QUESTION = timedelta(seconds=5)
SETTLING = timedelta(seconds=30)
"""How long a provider's list may lag behind what it took: before that, "not found" is no proof."""
ASK_FOR = timedelta(hours=72)
"""Receipts can take 26 to 49 hours; after this nobody asks any more."""
NEVER = timedelta(days=36500)


class State(StrEnum):
    pending = "pending"
    sending = "sending"
    accepted = "accepted"
    delivered = "delivered"
    failed = "failed"
    unknown = "unknown"
    suppressed = "suppressed"
    bundled = "bundled"


@dataclass(frozen=True, slots=True)
class Step:
    """What to write: the state, when to look again, and the reason a person will read."""

    state: State
    next_attempt_at: datetime
    error: str = ""
    ref: str = ""


def after_attempt(
    outcome: Outcome, *, attempts: int, max_attempts: int, resend_is_safe: bool, now: datetime, jitter: float
) -> Step:
    """`attempts` counts this one; `jitter` is in [0, 1) and spreads a retry over half its backoff."""
    again = now + backoff(attempts, jitter)
    match outcome:
        case Accepted(ref=ref):
            return Step(State.accepted, now + FIRST_QUESTION, ref=ref)
        case Refusal(detail=detail):
            return Step(State.failed, now, error=detail)
        case Unknown(detail=detail) if not resend_is_safe:
            return Step(State.unknown, now + FIRST_QUESTION, error=detail)
        case TryLater(detail=detail) | Unknown(detail=detail):
            if attempts >= max_attempts:
                return Step(State.failed, now, error=f"gave up after {attempts} attempts: {detail}")
            return Step(State.pending, again, error=detail)


def after_question(
    answer: Accepted | NotFound | None, *, attempted_at: datetime, attempts: int, max_attempts: int, now: datetime
) -> Step:
    """What an `unknown` becomes once the provider was asked whether it has the message."""
    match answer:
        case Accepted(ref=ref):
            return Step(State.accepted, now + FIRST_QUESTION, ref=ref)
        case NotFound() if now - attempted_at >= SETTLING:
            if attempts >= max_attempts:
                return Step(State.failed, now, error=f"gave up after {attempts} attempts: the provider never got it")
            return Step(State.pending, now, error="the provider never got it; sending again")
        case _:
            return Step(State.unknown, next_question(attempted_at, now), error="asking the provider whether it went")


def after_receipt(receipt: Receipt | None, *, accepted_at: datetime, now: datetime) -> Step:
    """What an `accepted` becomes."""
    match receipt:
        case Delivered(detail=detail):
            return Step(State.delivered, now, error="", ref=detail)
        case Refusal(detail=detail):
            return Step(State.failed, now, error=f"accepted, then not delivered: {detail}")
        case None:
            return Step(State.accepted, next_question(accepted_at, now))


def after_lost_lease(*, attempts: int, max_attempts: int, resend_is_safe: bool, now: datetime) -> Step:
    """The process that was sending died: whether it had sent is unknown."""
    lost = Unknown("the sender stopped in the middle")
    return after_attempt(
        lost, attempts=attempts, max_attempts=max_attempts, resend_is_safe=resend_is_safe, now=now, jitter=0
    )


def backoff(attempts: int, jitter: float) -> timedelta:
    """15 s · 2ⁿ from the first failed attempt on, spread, at most half an hour."""
    plain = min(FIRST_BACKOFF * (1 << (attempts - 1)), LONGEST_BACKOFF)
    return plain * (1 + jitter / 2)


def next_question(since: datetime, now: datetime) -> datetime:
    """Ask after 5 s, then when half as much time again has passed, at most hourly, for three days."""
    waited = now - since
    if waited >= ASK_FOR:
        return now + NEVER
    return now + min(max(FIRST_QUESTION, waited / 2), timedelta(hours=1))
