"""The Windows event log as it grows: one subscription a channel, one bookmark each, marked in the spool.

What runs here is the same on every system; the calls into Windows are in `subscription`.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from collectors.logs.event_xml import xml_event
from collectors.source_event import SourceEvent
from collectors.sources.feed import Feed
from collectors.sources.memory import Memory
from collectors.sources.places import Places
from jikimi.domain.event import TIMESTAMP, parse_time

CHANNELS = (
    "Security",
    "System",
    "Application",
    "Windows PowerShell",
    "Microsoft-Windows-PowerShell/Operational",
    "PowerShellCore/Operational",
    "Microsoft-Windows-Windows Defender/Operational",
    "Microsoft-Windows-Sysmon/Operational",
    "Microsoft-Windows-PrintService/Operational",
    "Microsoft-Windows-DriverFrameworks-UserMode/Operational",
    "Microsoft-Windows-TaskScheduler/Operational",
    "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
    "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",
    "Microsoft-Windows-WMI-Activity/Operational",
    "Microsoft-Windows-CodeIntegrity/Operational",
    "Microsoft-Windows-DNS-Client/Operational",
    "OpenSSH/Operational",
)
MUST = ("Security", "System", "Application")
"""Every Windows has these: their absence is a trouble, that of others a matter of what is installed."""
OLDEST = "oldest"
"""Instead of a bookmark: from the first event on, for a channel that had none yet, or was not there."""
LOOK_AGAIN = 300.0
"""Seconds between looks for channels that are not there, or may not be read: Sysmon is installed later."""
TICK = 0.5
FINISH_WITHIN = 3.0


class Stale(OSError):
    """The events after the bookmark are no longer in the log: it was cleared, or overwritten."""


class Absent(OSError):
    """There is no such channel here."""


class Subscription(Protocol):
    """One channel from its bookmark on. `events` gives what came, as XML, oldest first, at most a few hundred."""

    def events(self) -> Sequence[str]: ...
    def bookmark(self) -> str: ...
    def close(self) -> None: ...


Open = Callable[[str, str], Subscription]
"""(channel, bookmark XML, OLDEST, or "" for what comes from now on). Raises Stale, Absent, OSError (no right)."""
Heard = Callable[[SourceEvent], None]


def _nobody(_: SourceEvent) -> None:
    pass


@dataclass
class EventLog:
    """`heard` is told of every event, in this source's thread."""

    memory: Memory
    open: Open
    heard: Heard = _nobody
    channels: Sequence[str] = CHANNELS
    name: str = field(default="logs", init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError when a subscription breaks off."""
        with ExitStack() as stack:
            following = _Following(self, feed, stack)
            while not stop.is_set():
                if not following.round():
                    stop.wait(TICK)
            following.finish()


class _Following:
    def __init__(self, source: EventLog, feed: Feed, stack: ExitStack) -> None:
        self._source = source
        self._feed = feed
        self._stack = stack
        self._unreadable = 0
        self._bookmarks: dict[str, str] = source.memory.load().get("bookmarks", {}) | feed.marks
        self._places = Places(feed, source.memory)
        self._troubles: dict[str, str] = {}
        self._open: dict[str, Subscription] = {}
        self._look()

    def round(self) -> bool:
        """Everything that came since. False when that was nothing."""
        if time.monotonic() - self._looked_at >= LOOK_AGAIN:
            self._look()
        busy = False
        for channel, subscription in self._open.items():
            if texts := subscription.events():
                busy = True
                for text in texts:
                    self._tell(text)
                self._remember(channel, subscription.bookmark())
        self._places.note({"bookmarks": dict(self._bookmarks)})
        return busy

    def finish(self) -> None:
        self._places.finish(FINISH_WITHIN)

    def _look(self) -> None:
        """Open what is not open yet."""
        self._looked_at = time.monotonic()
        for channel in self._source.channels:
            if channel not in self._open and (opened := self._opened(channel)) is not None:
                self._open[channel] = self._stack.enter_context(closing(opened))
                self._remember(channel, opened.bookmark())
        self._report()

    def _opened(self, channel: str) -> Subscription | None:
        self._troubles.pop(channel, None)
        try:
            return self._source.open(channel, self._bookmarks.get(channel, ""))
        except Absent:
            self._remember(channel, OLDEST)  # whatever it will hold when it comes is new
            if channel in MUST:
                self._troubles[channel] = f"the channel {channel} is not there"
        except Stale:
            self._remember(channel, "")
            self._feed.blind(f"events of the channel {channel} went before they were read", datetime.now(UTC))
            return self._opened(channel)
        except OSError as error:
            self._troubles[channel] = f"the channel {channel} cannot be read ({error.strerror or error})"
        return None

    def _remember(self, channel: str, bookmark: str) -> None:
        self._bookmarks[channel] = bookmark
        self._feed.mark(channel, bookmark)

    def _tell(self, text: str) -> None:
        found = xml_event(text)
        if found is None:
            self._unreadable += 1
            if self._unreadable & (self._unreadable - 1) == 0:
                self._report()
            return
        self._source.heard(found)
        told = found.event.get(TIMESTAMP)
        self._feed.emit(found.logsource, found.event, parse_time(told) if isinstance(told, str) else None)

    def _report(self) -> None:
        unread = [f"{self._unreadable} events could not be read"] * bool(self._unreadable)
        self._feed.running(f"{len(self._open)} channels", "; ".join([*self._troubles.values(), *unread]))
