"""Lines read by one format, as the tests of this folder do it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

from collectors.logs.port import LogFormat, Reading
from collectors.source_event import SourceEvent

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def read(
    open_log: Callable[[Reading], LogFormat],
    lines: Sequence[str],
    lost: Callable[[str], None] = lambda _: None,
    zone: tzinfo = UTC,
) -> list[SourceEvent]:
    """Every event of `lines`, flushed."""
    log = open_log(Reading(lambda: NOW, lost, zone))
    return [event for line in lines for event in log.feed(line)] + list(log.flush())
