"""What a life of the agent looked for and has not in the spool yet: were it killed now, the next has to look again."""

import time

from collectors.sources.feed import Feed


class Owed:
    """For one source. All times in seconds since 1970."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._since: float | None = None
        self._told_at = 0.0

    def owe(self, since: float) -> None:
        """What changed after `since` is looked for from now on, until `told`."""
        self._since = since if self._since is None else min(self._since, since)
        self._told_at = float("inf")

    def told(self) -> None:
        """All that was found by now waits in the feed as if it were new."""
        self._told_at = time.time()

    def capped(self, until: float, *, searching: bool = False) -> float:
        """`until`, the time up to which everything is in the spool, but not beyond what is owed."""
        if self._since is None:
            return until
        if searching or self._feed.safe_until() <= self._told_at:
            return min(until, self._since)
        self._since = None
        return until
