"""Tells the centre what was done to the agent itself: killed, its files changed by hand, the clock moved.

Whoever is administrator of the computer can hide from any program on it; then the centre misses its heartbeat.
"""

import contextlib
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from collectors.sources.feed import Feed, HealthKind
from collectors.tamper import life
from collectors.tamper.clock import Clocks, ClockWatch, clocks
from collectors.tamper.life import Life
from collectors.tamper.own_files import OwnFiles
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import format_time

LOOK = 5.0
"""Seconds between looks."""


class Tamper:
    """A Source. `record` is the file that remembers how the last life ended, `files` are the agent's own,
    `last_alive` is when the last life still wrote its status."""

    name = "tamper"

    def __init__(
        self,
        record: Path,
        files: Sequence[Path],
        last_alive: datetime | None,
        *,
        clock: Clock = utc_now,
        read_clocks: Clocks = clocks,
        boot: str | None = None,
        look: float = LOOK,
    ) -> None:
        self._record = record
        self._last_alive = last_alive
        self._clock = clock
        self._read_clocks = read_clocks
        self._look = look
        self._boot = life.boot_id() if boot is None else boot
        self._before = life.read(record)
        wall, counter = read_clocks()
        same_boot = self._before is not None and self._before.boot == self._boot != ""
        self._clocks = ClockWatch(self._before.lead if self._before and same_boot else wall - counter)
        self._began = clock()
        self.lived_before = self._before is not None
        """Whether an earlier life left its record."""
        self.files = OwnFiles(files, self._before.files if self._before else {})
        self._apart: list[float] = []
        self._said: list[tuple[HealthKind, str]] = []

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Raises OSError when the record cannot be written."""
        self._tell_last_end(feed)
        feed.running("own files and clock")
        while True:
            self.look(feed)
            self._write(ended=False)
            if stop.wait(self._look):
                self._tell_what_was_said(feed)
                return

    def look(self, feed: Feed) -> None:
        """One look at files and clock."""
        for path, what in self.files.look():
            feed.health(
                "changed_by_hand", f"{path.name} was {what}, and not by the agent", Collector="agent", Path=str(path)
            )
        moved = self._clocks.look(*self._read_clocks())
        if moved:
            where = "forward" if moved > 0 else "back"
            feed.health(
                "clock_moved", f"set {where} by {abs(moved):.0f} s", Collector="agent", MovedBySeconds=round(moved)
            )
        self._tell_what_was_said(feed)
        while self._apart:
            ahead = self._apart.pop(0)
            feed.health("clock_moved", _apart(ahead), Collector="agent", AheadOfCentreSeconds=round(ahead))

    def heard(self, centre_time: datetime, now: datetime) -> None:
        """The centre's time came with an answer, `now` by this computer; told at the next look."""
        ahead = self._clocks.heard((now - centre_time).total_seconds())
        if ahead is not None:
            self._apart.append(ahead)

    def say(self, kind: HealthKind, reason: str) -> None:
        """What another part of the agent has to tell of it; told at the next look."""
        self._said.append((kind, reason))

    def ended(self) -> None:
        """The agent ends in order: the next life has nothing to tell of it."""
        with contextlib.suppress(OSError):
            self._write(ended=True)

    def _tell_what_was_said(self, feed: Feed) -> None:
        while self._said:
            feed.health(*self._said.pop(0), Collector="agent")

    def _tell_last_end(self, feed: Feed) -> None:
        last, self._before = self._before, None
        if last is None or last.ended:
            return
        span = {"From": format_time(self._last_alive or last.began), "To": format_time(self._began)}
        if not self._boot:
            why = "the agent was ended without being stopped in order, or the computer went off"
            feed.health("blind", why, Collector="agent", **span)
        elif last.boot == self._boot:
            feed.health("killed", "the agent was ended without being stopped in order", Collector="agent", **span)
        else:
            feed.health("blind", "the computer went off without stopping the agent", Collector="agent", **span)

    def _write(self, *, ended: bool) -> None:
        files = self.files.known()
        life.write(Life(self._boot, self._began, self._clocks.lead, files, ended), self._record)


def _apart(ahead: float) -> str:
    if not ahead:
        return "agrees with the centre's again"
    return f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the centre's"
