"""inotify's changes and fanotify's descriptors joined: what happened, and who did it."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.by_descriptor import joined
from collectors.sources.coalesce import Change, Coalescer, Kind
from collectors.sources.who import NOBODY, Who

CP = Who(7, "/usr/bin/cp", "kim")
TOPS = ["/media/stick"]
FILE = "/media/stick/a"


def _told(told: list[Change], signals: list[Change], later: list[Change] | None = None) -> list[tuple[Kind, int]]:
    coalescer = Coalescer()
    ready = [one for change in joined(told, signals, later or [], [], TOPS) for one in coalescer.add(change)]
    return [(change.kind, change.who.pid) for change in [*ready, *coalescer.drain()]]


@given(st.floats(-0.3, 0.3), st.permutations(["opened", "modify"]))
def test_a_copy_is_one_creation_by_its_program_whichever_thread_was_first(apart: float, kinds: list[Kind]) -> None:
    """The two are read by threads of their own, so their times may cross."""
    signals = [Change(kind, FILE, 10 + n / 1000, CP) for n, kind in enumerate([*kinds, "closed"])]
    own = [Change("create", FILE, 10 + apart), Change("modify", FILE, 10.1), Change("closed", FILE, 10.2)]
    assert _told(own, signals) == [("create", 7)]


def test_who_is_known_from_what_is_still_held_back() -> None:
    assert _told([Change("create", FILE, 10.0)], [], [Change("modify", FILE, 10.1, CP)]) == [("create", 7)]


def test_who_made_a_file_is_known_when_inotify_tells_it_late_but_not_who_took_it_away() -> None:
    past = [Change("modify", FILE, 9.0, CP), Change("closed", FILE, 9.1, CP)]
    (created,) = joined([Change("create", FILE, 10.9)], [], [], past, TOPS)
    assert (created.who, created.at) == (CP, 9.1)
    (gone,) = joined([Change("delete", FILE, 10.9)], [], [], past, TOPS)
    assert gone.who == NOBODY


def test_a_file_renamed_after_it_was_written_is_renamed_by_its_writer() -> None:
    signals = [Change("modify", f"{FILE}.part", 9.0, CP), Change("closed", f"{FILE}.part", 9.1, CP)]
    told = _told([Change("create", f"{FILE}.part", 9.0), Change("rename", FILE, 9.5, old_path=f"{FILE}.part")], signals)
    assert told == [("create", 7), ("rename", 7)]


def test_what_fanotify_does_not_watch_stays_as_inotify_tells_it() -> None:
    own = [Change("create", "/srv/a", 1.0), Change("closed", "/srv/a", 1.1)]
    assert joined(own, [], [], [], TOPS) == own
    assert joined([Change("delete", FILE, 1.0)], [], [], [], TOPS) == [Change("delete", FILE, 1.0, NOBODY)]
