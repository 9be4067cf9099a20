"""What waits to be examined: once a file, when it is quiet, never more than fits."""

from collectors.leak.pending import QUIET, Pending, Write
from collectors.sources.who import NOBODY, Who


def wrote(path: str, at: float, who: Who = NOBODY) -> Write:
    return Write(path, at, who)


def test_a_file_is_examined_once_it_is_quiet() -> None:
    pending = Pending()
    pending.wrote(wrote("a", 0.0))
    pending.wrote(wrote("a", 1.0))
    assert pending.due_write(QUIET) is None
    due = pending.due_write(1.0 + QUIET)
    assert due is not None
    assert due.at == 1.0
    assert pending.due_write(99.0) is None


def test_a_renamed_file_keeps_who_wrote_it() -> None:
    pending = Pending()
    pending.wrote(wrote("part", 0.0, Who(7, "/bin/cp")))
    pending.renamed("part", wrote("final", 0.1, Who(8, "/bin/mv")))
    due = pending.due_write(9.0)
    assert due is not None
    assert (due.path, due.who.pid) == ("final", 7)
    assert len(pending) == 0


def test_whoever_wrote_before_is_remembered_beside_the_last() -> None:
    """A word appended to a copy does not hide who made the copy."""
    pending = Pending()
    for pid in (7, 8, 7, 9):
        pending.wrote(wrote("a", 0.0, Who(pid)))
    pending.renamed("a", wrote("b", 0.1, Who(10)))
    due = pending.due_write(9.0)
    assert due is not None
    assert [due.who.pid, *(who.pid for who in due.others)] == [9, 7, 8]


def test_a_file_that_was_removed_is_not_examined() -> None:
    pending = Pending()
    pending.wrote(wrote("a", 0.0))
    pending.removed("a")
    assert pending.due_write(9.0) is None


def test_writes_that_find_no_room_are_counted() -> None:
    pending = Pending(writes=2)
    for name in "abc":
        pending.wrote(wrote(name, 0.0))
    assert (pending.lost(), pending.lost(), len(pending)) == (1, 0, 2)


def test_documents_that_find_no_room_ask_for_the_folders_to_be_looked_through_again() -> None:
    pending = Pending(documents=1)
    pending.changed("a", 0.0)
    pending.changed("b", 0.0)
    assert pending.overlooked
    assert pending.due_document(9.0) == "a"


def test_a_clock_that_was_set_back_holds_up_nothing() -> None:
    pending = Pending()
    pending.wrote(wrote("a", 86_400.0))
    pending.changed("b", 86_400.0)
    assert pending.due_write(0.0) is not None
    assert pending.due_document(0.0) == "b"
