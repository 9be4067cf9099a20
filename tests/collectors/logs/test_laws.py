"""What every log format promises, whatever the lines."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.logs.port import LogFormat, Reading
from collectors.logs.telling import KINDS, PLAIN, Kind, told
from collectors.source_event import SourceEvent
from jikimi.domain.event import TIMESTAMP, canonical, event_time
from tests.collectors.logs.lines import EXAMPLES

ALL = [*KINDS, PLAIN]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

_PIECES = [piece for lines in EXAMPLES.values() for line in lines for piece in line.split(" ")]


def _damaged() -> st.SearchStrategy[str]:
    """Real lines cut, doubled, with bytes changed, or pieces of all of them strung together."""
    line = st.sampled_from([line for lines in EXAMPLES.values() for line in lines])
    cut = st.tuples(line, st.integers(0, 300)).map(lambda pair: pair[0][: pair[1]])
    changed = st.tuples(line, st.integers(0, 300), st.text(max_size=4)).map(
        lambda three: three[0][: three[1]] + three[2] + three[0][three[1] + 1 :]
    )
    strung = st.lists(st.sampled_from(_PIECES), max_size=30).map(" ".join)
    head = st.sampled_from(_PIECES)
    repeated = st.tuples(head, st.sampled_from([*_PIECES, "msg='", '="', "<Event>", "(("]), st.integers(1, 2000)).map(
        lambda three: f"{three[0]} " + three[1] * three[2]
    )
    return st.one_of(line, cut, changed, strung, repeated, st.text(max_size=200))


def _read(kind: Kind, lines: list[str], lost: Callable[[str], None] = lambda _: None) -> Iterator[SourceEvent]:
    log: LogFormat = kind.open(Reading(lambda: NOW, lost))
    for line in lines:
        yield from log.feed(line)
    yield from log.flush()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
@given(lines=st.lists(_damaged(), max_size=12))
@settings(max_examples=80, deadline=None)
def test_any_lines_give_events_that_can_be_written_and_read_or_a_reason(kind: Kind, lines: list[str]) -> None:
    reasons: list[str] = []
    for _, event in _read(kind, lines, reasons.append):
        canonical(event)
        if TIMESTAMP in event:
            event_time(event)
    assert len(reasons) <= len(lines) + sum(line.count("<Event") for line in lines)  # one line may hold many of these


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_log_is_told_by_its_own_lines(name: str) -> None:
    kind = told(EXAMPLES[name])
    assert kind is not None
    assert kind.name == name


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_good_line_of_a_log_is_read_with_its_time(name: str) -> None:
    reasons: list[str] = []
    kind = next(kind for kind in KINDS if kind.name == name)
    events = list(_read(kind, EXAMPLES[name], reasons.append))
    assert reasons == []
    assert events
    assert all(TIMESTAMP in event for _, event in events)


@given(lines=st.lists(st.text(alphabet="abcdefgh 가나다", max_size=40), max_size=50))
def test_prose_is_told_to_be_no_log(lines: list[str]) -> None:
    assert told(lines) is None
