"""What a log format is given and what it must do. Nothing in this package opens a file or reads a clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Protocol, runtime_checkable

from collectors.source_event import SourceEvent
from jikimi.clock import Clock


@dataclass(frozen=True, slots=True)
class Reading:
    """What the lines of a log do not say themselves.

    `now` is a time no line is much later than: the file's modification time, or the clock while a file is followed; it
    gives the year that syslog leaves out. `zone` is the zone of times written without one. `lost` is told one sentence
    for every line that gave no event although it should have.
    """

    now: Clock
    lost: Callable[[str], None]
    zone: tzinfo = UTC


class LogFormat(Protocol):
    """One log being read, line by line. Never raises, whatever the line; memory is bounded whatever the log."""

    def feed(self, line: str) -> Sequence[SourceEvent]:
        """The events that `line` (without its line end) completes, often one, sometimes none."""

    def flush(self) -> Sequence[SourceEvent]:
        """The events that waited for more lines: at the end of a file, or when a followed one pauses."""


@runtime_checkable
class Joining(Protocol):
    """A format some of whose events are told by several lines."""

    @property
    def waits(self) -> bool:
        """Whether lines that were fed wait for others."""
