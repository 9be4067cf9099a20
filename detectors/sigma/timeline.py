"""One group's sightings, put in order of event time before they count.

Events come late and out of order. Up to `LATENESS` behind the newest of its group an event is put where it belongs, and
what was told is told again with the right counts. State is what is settled (older than that) and a log of what is not;
what is told at once (`sliding`, `ordered`) runs ahead over the log and is run again when something is put into it.
"""

import math
from bisect import bisect
from typing import TypeAlias

import msgspec

from detectors.sigma.closing import Closing
from detectors.sigma.ordered import Ordered
from detectors.sigma.rule import Correlation
from detectors.sigma.sighting import Session, Sighting
from detectors.sigma.sliding import Sliding
from jikimi.domain.event import Event

LATENESS = 600.0
"""Seconds by which an event may be behind the newest one of its group and still be put in its place."""
LOG = 1_000
"""Sightings kept in the log; the lateness of a busier group is that much shorter."""
STRIDE = 50
"""Sightings of the log between two marks, from which it is run again when one is put into it."""

Progress: TypeAlias = Sliding | Ordered | Closing


class Told(msgspec.Struct, array_like=True):
    """A hit that was told: its name (`anchor`, the start it was first told with), and what was last told of it."""

    anchor: float
    start: float
    last: float
    count: int


class Telling(msgspec.Struct, frozen=True):
    """A hit to tell: `new` the first time, afterwards with risen counts under the same `anchor`."""

    session: Session
    anchor: float
    new: bool


class Timeline(msgspec.Struct):
    """One group's state. `settled` saw what is before `through`, where nothing finds a place any more."""

    settled: Progress
    through: float = float("-inf")
    log: list[Sighting] = []
    told: list[Told] = []
    event: Event | None = None
    """The last event, kept only where a window is told after its last event (`closing`)."""
    origin: bytes = b""
    """Where that event came from, in the caller's own words."""


class TooLate(Exception):
    """The sighting is older than what is settled."""


class Running:
    """A timeline at work: with how far what is told at once has run ahead."""

    def __init__(self, correlation: Correlation, state: Timeline | None = None) -> None:
        self._correlation = correlation
        self.state = state or Timeline(_nothing(correlation))
        self._ahead: Progress | None = None
        self._marks: list[tuple[int, Progress]] = []
        """Copies of `_ahead` after so many sightings of the log, where no hit was under way."""

    def take(self, sighting: Sighting) -> list[Telling]:
        """What there is to tell after one more sighting. Raises TooLate."""
        state = self.state
        if sighting.time < state.through:
            return self._take_settled(sighting)
        if isinstance(state.settled, Closing):
            state.log.insert(bisect(state.log, sighting), sighting)
            return [Telling(over, over.start, new=True) for over in self._settle()]
        found = self._sessions_with(sighting)
        tellings = [telling for session in found if (telling := self._told(session)) is not None]
        self._settle()
        return tellings

    def close(self, through: float) -> list[Telling]:
        """The windows that were over `LATENESS` before `through` (`closing` only)."""
        if not isinstance(self.state.settled, Closing):
            return []
        found = self._settle(through)
        last = self.state.settled.close(self._correlation, through - LATENESS)
        return [Telling(over, over.start, new=True) for over in (*found, *((last,) if last else ()))]

    @property
    def since(self) -> float:
        """When the open window began; for what has none, when the next would (`closing` only)."""
        settled, log = self.state.settled, self.state.log
        if isinstance(settled, Closing) and settled.window is not None:
            return settled.window.start
        return log[0].time if log else math.inf

    @property
    def idle(self) -> bool:
        """Nothing is open (`closing` only)."""
        return isinstance(self.state.settled, Closing) and self.state.settled.window is None and not self.state.log

    def _take_settled(self, sighting: Sighting) -> list[Telling]:
        """Too late for its place; within a hit that goes on it still counts."""
        settled = self.state.settled
        session = None if isinstance(settled, Closing) else settled.session
        if session is None or not session.start <= sighting.time <= session.last + self._correlation.timespan:
            raise TooLate
        session.take(sighting)
        self._marks.clear()
        again = next((other for other in self._run_again() if other.start == session.start), session)
        telling = self._told(again)
        return [telling] if telling is not None else []

    def _sessions_with(self, sighting: Sighting) -> list[Session]:
        """Puts the sighting in its place; the hits that this changes."""
        log = self.state.log
        ahead = self._ahead or self._run_ahead()
        place = bisect(log, sighting)
        log.insert(place, sighting)
        if place == len(log) - 1:
            session = ahead.take(self._correlation, sighting)
            self._mark(ahead, len(log))
            return [session] if session is not None else []
        session = None if isinstance(ahead, Closing) else ahead.session
        if session is not None and sighting.time > session.fired_at:
            session.take(sighting)
            return [session]
        return self._run_again(place)

    def _run_ahead(self) -> Progress:
        self._run_again()
        assert self._ahead is not None  # noqa: S101 - set by the line above
        return self._ahead

    def _run_again(self, changed: int = 0) -> list[Session]:
        """Every hit of the log from the last mark before what changed on."""
        self._marks = [mark for mark in self._marks if mark[0] <= changed]
        done, progress = self._marks[-1] if self._marks else (0, self.state.settled)
        self._ahead = ahead = _copy(progress)
        found: dict[int, Session] = {}
        for count, sighting in enumerate(self.state.log[done:], done + 1):
            session = ahead.take(self._correlation, sighting)
            if session is not None:
                found[id(session)] = session
            self._mark(ahead, count)
        return list(found.values())

    def _mark(self, ahead: Progress, count: int) -> None:
        last = self._marks[-1][0] if self._marks else 0
        if count >= last + STRIDE and not isinstance(ahead, Closing) and ahead.session is None:
            self._marks.append((count, _copy(ahead)))

    def _told(self, session: Session) -> Telling | None:
        """Under the name of a told hit that it touches, unless nothing of it changed."""
        told = self.state.told
        known = next((t for t in told if t.start <= session.last and t.last >= session.start), None)
        if known is not None and (known.start, known.last, known.count) == (session.start, session.last, session.count):
            return None
        if not session.worth_telling(self._correlation):
            return None
        if known is None:
            told.append(Told(session.start, session.start, session.last, session.count))
            return Telling(session, session.start, new=True)
        known.start, known.last, known.count = session.start, session.last, session.count
        return Telling(session, known.anchor, new=False)

    def _settle(self, through: float | None = None) -> list[Session]:
        """What can no longer change leaves the log; the windows that are over by it (`closing`)."""
        state = self.state
        newest = through if through is not None else (state.log[-1].time if state.log else state.through)
        horizon = newest - LATENESS
        if through is None:  # the clock's horizon does not bind: a computer that was off line sends its day in order
            state.through = max(state.through, horizon)
        count = next((n for n, kept in enumerate(state.log) if kept.time >= horizon), len(state.log))
        count = max(count, len(state.log) - LOG)
        over = [state.settled.take(self._correlation, sighting) for sighting in state.log[:count]]
        if count:
            state.through = max(state.through, state.log[count - 1].time)
            del state.log[:count]
            self._marks = [(marked - count, progress) for marked, progress in self._marks if marked > count]
            current = state.log[0].time if state.log else state.through
            state.told = [t for t in state.told if t.last + self._correlation.timespan >= current]
        return [session for session in over if session is not None] if isinstance(state.settled, Closing) else []


def _nothing(correlation: Correlation) -> Progress:
    if correlation.waits:
        return Closing()
    return Ordered() if correlation.type == "temporal_ordered" else Sliding()


def _copy(progress: Progress) -> Progress:
    """Independent of the other; sightings themselves never change."""
    if isinstance(progress, Closing):
        return progress
    session = progress.session
    if session is not None:
        session = msgspec.structs.replace(session, ids=list(session.ids), values=set(session.values))
    if isinstance(progress, Ordered):
        return Ordered([list(chain) for chain in progress.chain], session)
    return Sliding(list(progress.recent), dict(progress.latest), progress.total, session)
