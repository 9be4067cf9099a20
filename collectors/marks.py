"""Where a source goes on reading: a mark travels through its feed like an event, and the spool keeps it in the same
commit as what came before it. So a kill neither loses nor doubles a line, which no file beside the spool could promise.
"""

import orjson

from jikimi.domain.logsource import LogSource

MARK = LogSource(product="jikimi", service="mark")
"""Not a log source: its lines are marks, which are never sent."""


def mark(collector: str, name: str, place: str) -> bytes:
    """`name` is the collector's own word for what it reads; `place` "" forgets it."""
    return orjson.dumps([f"{collector}\n{name}", place])


def marked(line: bytes) -> tuple[str, str]:
    """(key, place) of a line of MARK."""
    key, place = orjson.loads(line)
    return key, place


def of_collector(collector: str, kept: dict[str, str]) -> dict[str, str]:
    """Its own marks, by its own names."""
    own = f"{collector}\n"
    return {key.removeprefix(own): place for key, place in kept.items() if key.startswith(own)}
