"""Where a source puts what it saw: a bounded queue with counters, so that nothing vanishes unnoticed."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
import orjson

from collectors.marks import MARK, mark
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import TIMESTAMP, Event, canonical, format_time
from jikimi.domain.logsource import (
    AGENT_HEALTH,
    DNS_QUERY,
    EXPORTED_FLOW,
    FILE_ACCESS,
    NETWORK_FLOW,
    PROCESS_CREATION,
    LogSource,
)

State = Literal["starting", "running", "degraded", "failed", "stopped"]
HealthKind = Literal[
    "heartbeat", "gap", "blind", "degraded", "stopped", "killed", "changed_by_hand", "clock_moved", "config_refused"
]

CAPACITY = 8192
PATIENCE = 20.0
"""Seconds: a busy disk holds the spool up for some, and the kernel's queues stretch meanwhile."""
CAN_WAIT = frozenset({NETWORK_FLOW, EXPORTED_FLOW, PROCESS_CREATION, DNS_QUERY, FILE_ACCESS})
"""Many, and each says little: a few seconds of them travel together, since a commit and an upload cost far more than
an event."""
ENOUGH = 1000
"""Events that do not wait for more."""


class Observation(NamedTuple):
    """`line` = the event's canonical bytes: a third of the memory of its objects while it waits."""

    logsource: LogSource
    line: bytes
    counted: bool

    @property
    def event(self) -> Event:
        """Decoded."""
        event: Event = orjson.loads(self.line)
        return event


class Told(msgspec.Struct, omit_defaults=True, rename="pascal", gc=False):
    """An event of a source that tells many: a class that knows its fields is written in a third of the time of a
    dictionary. What is None or "" is left out, if that is the field's default."""

    timestamp: str = msgspec.field(default="", name=TIMESTAMP)
    hostname: str = ""


_written = msgspec.json.Encoder().encode
_observation = partial(tuple.__new__, Observation)
"""Takes the fields as one tuple: a third of the time of `Observation(...)`."""


class Source(Protocol):
    """Something that watches. `run` blocks until `stop` is set; raises OSError or JikimiError when it cannot go on."""

    @property
    def name(self) -> str: ...

    def run(self, feed: "Feed", stop: threading.Event) -> None: ...


class Feed:
    """One source's way out. `seen` = handed in, `sent` = in the spool, `dropped` = lost here, each counted in events.

    A full queue first makes the source wait `patience` seconds (the kernel's own buffers stretch meanwhile); what
    still finds no room is dropped, counted, and told in one `gap` event as soon as there is room again.
    Health events are few and never dropped.
    """

    def __init__(
        self,
        name: str,
        device: str,
        *,
        clock: Clock = utc_now,
        capacity: int = CAPACITY,
        patience: float = PATIENCE,
        changed: Callable[[], None] = lambda: None,
        marks: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.device = device
        self.state: State = "starting"
        self.mode = ""
        self.reason = ""
        self.seen = 0
        self.sent = 0
        self.dropped = 0
        self.marks = dict(marks or {})
        """Where this source goes on, by its own names: as it said last, in this life or the one before."""
        self._clock = clock
        self._capacity = capacity
        self._patience = patience
        self._items: deque[Observation] = deque()
        self._room = threading.Event()
        self._lost_here = 0
        self._losing = threading.Lock()
        self._lost = 0
        self._lost_from: datetime | None = None
        self._changed = changed
        self._hurried = False
        self._waiting_since = self._leaving_since = 0.0

    def emit(self, logsource: LogSource, fields: dict[str, Any], at: datetime | None = None) -> None:
        """One observation; `@timestamp` and `Hostname` are added here, fields that are None or "" left out.

        What is no JSON is dropped and told: one odd name must not stop its source.
        """
        if not self._admits():
            return
        try:
            self._put(logsource, fields, at, counted=True)
        except TypeError as error:  # orjson.JSONEncodeError is one
            self._lose_unwritable(logsource, error, at)

    def tell(self, logsource: LogSource, event: Told) -> None:
        """`emit` for an event that has its `timestamp`; `hostname` is added here."""
        if not self._admits():
            return
        event.hostname = self.device
        try:
            self._append(logsource, _written(event), counted=True)
        except UnicodeEncodeError as error:
            self._lose_unwritable(logsource, error)

    def health(self, kind: HealthKind, reason: str, **fields: object) -> None:
        """One `agent_health` event about this source."""
        self._put(AGENT_HEALTH, {"Kind": kind, "Collector": self.name, "Reason": reason, **fields}, None, counted=False)

    def mark(self, name: str, place: str) -> None:
        """Everything before `place` was handed in: kept in one commit with it. "" = there is nothing to go on with."""
        if self.marks.get(name, "") == place:
            return
        self.marks[name] = place
        if not self._items:
            self._waiting_since = time.time()
        self._items.append(_observation((MARK, mark(self.name, name, place), False)))

    def running(self, mode: str, degraded: str = "") -> None:
        """Say how the source works from now on; `degraded` says what it cannot see that way, in one sentence."""
        state: State = "degraded" if degraded else "running"
        before = (self.state, self.mode, self.reason)
        self.state, self.mode, self.reason = state, mode, degraded
        if (state, mode, degraded) == before:
            return
        if degraded:
            self.health("degraded", degraded, Mode=mode)
        elif before[0] != "starting":
            self.health("heartbeat", "works fully again", Mode=mode)
        self._changed()

    def failed(self, reason: str) -> None:
        """The source stopped by an error and will be tried again."""
        again = self.state == "failed" and self.reason == reason
        self.state, self.reason = "failed", reason
        if not again:
            self.health("degraded", reason, Mode="failed")
            self._changed()

    def lost(self, reason: str, start: datetime, dropped: int | None = None) -> None:
        """The kernel threw observations away; `dropped` is None when nobody knows how many."""
        self.dropped += dropped or 0
        span = {"From": format_time(start), "To": format_time(self._clock())}
        self.health("gap", reason, Dropped=dropped, **span)

    def blind(self, reason: str, start: datetime) -> None:
        """Nobody watched from `start` until now."""
        self.health("blind", reason, From=format_time(start), To=format_time(self._clock()))

    def take(self, limit: int) -> list[Observation]:
        """At most `limit` observations in order; for the one thread that writes to the spool."""
        if not self._items:
            self._tell_loss()  # returned at once: at the agent's end nobody asks again
        taken: list[Observation] = []
        self._hurried = False
        if self._items:
            self._leaving_since = self._leaving_since or self._waiting_since
        while self._items and len(taken) < limit:
            taken.append(self._items.popleft())
        if taken:
            self._room.set()
        return taken

    def kept(self, taken: Sequence[Observation]) -> None:
        """All that was taken is in the spool."""
        self.sent += sum(observation.counted for observation in taken)
        self._leaving_since = 0.0

    def can_wait(self) -> bool:
        """Whether what waits here may go on waiting for company."""
        return not self._hurried and not self._lost and len(self._items) < ENOUGH

    @property
    def settled(self) -> int:
        """Of `seen`, what is in the spool or was lost here; what the kernel threw away was never seen."""
        return self.sent + self._lost_here

    def safe_until(self) -> float:
        """What was handed in before this moment (seconds since 1970) is in the spool."""
        return self._leaving_since or (self._waiting_since if self._items else time.time())

    def __len__(self) -> int:
        return len(self._items)

    def _admits(self) -> bool:
        """Whether there is room for one more; told and counted if not."""
        self.seen += 1
        if len(self._items) >= self._capacity and not self._wait_for_room():
            self._lose()
            return False
        self._tell_loss()
        return True

    def _lose_unwritable(self, logsource: LogSource, error: Exception, at: datetime | None = None) -> None:
        self._lost_here += 1
        self.lost(f"an event of {logsource} cannot be written as JSON ({error})", at or self._clock(), 1)

    def _wait_for_room(self) -> bool:
        if self._lost:
            return False  # waited once already: do not hold the source up for every event
        self._room.clear()
        if len(self._items) < self._capacity:
            return True
        self._room.wait(self._patience)
        return len(self._items) < self._capacity

    def _lose(self) -> None:
        with self._losing:
            self.dropped += 1
            self._lost_here += 1
            if not self._lost:
                self._lost_from = self._clock()
            self._lost += 1

    def _tell_loss(self) -> None:
        if not self._lost:
            return
        with self._losing:
            count, since = self._lost, self._lost_from
            self._lost, self._lost_from = 0, None
        if since is None:
            return  # the other side told it
        span = {"From": format_time(since), "To": format_time(self._clock())}
        self.health("gap", "the spool could not be written as fast as events came", Dropped=count, **span)

    def _put(self, logsource: LogSource, fields: dict[str, Any], at: datetime | None, *, counted: bool) -> None:
        told = {name: value for name, value in fields.items() if value is not None and value != ""}
        event: Event = {TIMESTAMP: format_time(at or self._clock()), "Hostname": self.device, **told}
        self._append(logsource, canonical(event), counted=counted)

    def _append(self, logsource: LogSource, written: bytes, *, counted: bool) -> None:
        line = bytes(memoryview(written))  # a copy: the encoder's own bytes hold on to a block of 8 KB
        if not self._items:
            self._waiting_since = time.time()
        self._items.append(_observation((logsource, line, counted)))
        if logsource not in CAN_WAIT:
            self._hurried = True
