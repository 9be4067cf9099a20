"""Signals become what a person would say happened; nothing that a rule counts is merged away."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.coalesce import Change, Coalescer, Kind
from collectors.sources.who import Who

ME, YOU = Who(1), Who(2)


def told(*changes: Change) -> list[tuple[str, str, int]]:
    coalescer = Coalescer(window=1.0)
    ready = [out for change in changes for out in coalescer.add(change)]
    return [(c.kind, c.path, c.who.pid) for c in [*ready, *coalescer.drain()]]


def at(kind: Kind, path: str = "a", time: float = 0.0, who: Who = ME, old: str = "") -> Change:
    return Change(kind, path, time, who, old)


def test_creating_writing_and_closing_a_file_is_one_create() -> None:
    assert told(at("create"), at("modify"), at("modify"), at("closed")) == [("create", "a", 1)]


def test_writing_an_old_file_is_one_modify() -> None:
    assert told(at("modify"), at("modify"), at("closed")) == [("modify", "a", 1)]


def test_opening_for_writing_without_writing_is_a_read() -> None:
    assert told(at("closed")) == [("read", "a", 1)]


def test_reading_the_same_file_again_within_the_window_adds_nothing() -> None:
    assert told(at("read"), at("read", time=0.5), at("read", time=1.2)) == [("read", "a", 1), ("read", "a", 1)]


def test_two_processes_are_told_apart() -> None:
    assert told(at("read"), at("read", who=YOU)) == [("read", "a", 1), ("read", "a", 2)]


def test_a_deletion_comes_after_what_was_written_before_it() -> None:
    assert told(at("create"), at("delete", who=YOU)) == [("create", "a", 1), ("delete", "a", 2)]


def test_a_file_written_and_moved_over_another_is_created_then_renamed() -> None:
    assert told(at("create", "a.tmp"), at("rename", "a", old="a.tmp")) == [("create", "a.tmp", 1), ("rename", "a", 1)]


def test_a_file_that_stays_open_is_told_after_the_window_and_not_again_at_its_close() -> None:
    coalescer = Coalescer(window=1.0)
    assert coalescer.add(at("modify")) == []
    assert coalescer.due(0.5) == []
    assert [change.kind for change in coalescer.due(1.0)] == ["modify"]
    assert coalescer.add(at("closed", time=1.1)) == []


signals = st.builds(
    at,
    st.sampled_from(["create", "modify", "closed", "read", "delete", "rename"]),
    st.sampled_from(["a", "b", "c"]),
    st.just(0.0),
    st.sampled_from([ME, YOU]),
)


@given(st.lists(signals, max_size=40))
def test_who_touched_which_file_how_is_never_lost(changes: list[Change]) -> None:
    """Each (process, file) that appears in a signal appears in what is told; deletions and renames one for one."""
    ready = told(*changes)
    assert {(path, pid) for _, path, pid in ready} == {(c.path, c.who.pid) for c in changes}
    for kind in ("delete", "rename"):
        wanted = [(c.path, c.who.pid) for c in changes if c.kind == kind]
        assert [(path, pid) for k, path, pid in ready if k == kind] == wanted


@given(st.lists(signals, max_size=40))
def test_nothing_waits_for_ever(changes: list[Change]) -> None:
    coalescer = Coalescer(window=1.0)
    for change in changes:
        coalescer.add(change)
    coalescer.due(1.0)
    assert len(coalescer) == 0


def test_a_clock_that_was_set_back_holds_up_and_hides_nothing() -> None:
    coalescer = Coalescer(window=1.0)
    coalescer.add(at("modify", "written", time=86_400.0))
    assert coalescer.add(at("read", time=86_400.0))
    assert [change.path for change in coalescer.due(0.0)] == ["written"]
    assert coalescer.add(at("read", time=0.0))
