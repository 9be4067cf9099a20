"""How many sign-in tries may fail: by address and login together, by address, by login."""

from collections import defaultdict, deque
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
BY_PAIR = 5
BY_ADDRESS = 30
BY_LOGIN = 60
"""High, so that a stranger cannot easily lock a colleague out from elsewhere."""
MOST_KEYS = 10_000


class SignInLimits:
    """Failures of the last 15 minutes, in memory; pure in time: every call takes `now`."""

    def __init__(self) -> None:
        self._failures: defaultdict[tuple[str, str], deque[datetime]] = defaultdict(deque)

    def wait(self, address: str, login: str, now: datetime) -> timedelta:
        """How long this try must wait; zero when it may go on."""
        longest = timedelta()
        for key, most in self._keys(address, login):
            failures = self._recent(key, now)
            if len(failures) >= most:
                longest = max(longest, failures[-most] + WINDOW - now)
        return longest

    def failed(self, address: str, login: str, now: datetime) -> None:
        if len(self._failures) > MOST_KEYS:
            self._forget(now)
        for key, most in self._keys(address, login):
            failures = self._failures[key]
            failures.append(now)
            while len(failures) > most:
                failures.popleft()

    def succeeded(self, address: str, login: str) -> None:
        self._failures.pop((address, login), None)

    def _keys(self, address: str, login: str) -> tuple[tuple[tuple[str, str], int], ...]:
        return ((address, login), BY_PAIR), ((address, ""), BY_ADDRESS), (("", login), BY_LOGIN)

    def _recent(self, key: tuple[str, str], now: datetime) -> deque[datetime]:
        failures = self._failures.get(key, deque())
        while failures and now - failures[0] >= WINDOW:
            failures.popleft()
        return failures

    def _forget(self, now: datetime) -> None:
        for key in [key for key in self._failures if not self._recent(key, now)]:
            del self._failures[key]
