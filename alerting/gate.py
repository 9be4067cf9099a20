"""A provider's gate: a circuit breaker and the provider's own rate. Takes `now`, never reads a clock.

Five faults in a row close it for 30 s, doubling to ten minutes; then one message tries, and its success opens it.
"""

from collections import deque
from datetime import datetime, timedelta

FAULTS_TO_CLOSE = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)


class Gate:
    """State of one provider in one process; starting again starts open."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._sent: deque[datetime] = deque()
        self._faults = 0
        self._pause = FIRST_PAUSE
        self._closed_until: datetime | None = None

    def opens_at(self, now: datetime) -> datetime:
        """`now` when a message may go, else when to come back."""
        while self._sent and self._sent[0] <= now - _MINUTE:
            self._sent.popleft()
        full_until = self._sent[0] + _MINUTE if len(self._sent) >= self._per_minute else now
        return max(now, full_until, self._closed_until or now)

    def room(self, now: datetime) -> int:
        """How many messages may go now."""
        if self.opens_at(now) > now:
            return 0
        return 1 if self._faults >= FAULTS_TO_CLOSE else self._per_minute - len(self._sent)

    def enter(self, now: datetime) -> None:
        """A message goes. While the gate is trying again, no second one goes before the first came back."""
        self._sent.append(now)
        if self._faults >= FAULTS_TO_CLOSE:
            self._closed_until = now + self._pause

    def succeeded(self) -> None:
        self._faults = 0
        self._pause = FIRST_PAUSE
        self._closed_until = None

    def faulted(self, now: datetime) -> None:
        self._faults += 1
        if self._faults >= FAULTS_TO_CLOSE:
            self._closed_until = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
