"""Lines as eslogger prints them."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from collectors.macos.eslogger import Messages, Mounted, Started
from collectors.sources.coalesce import Change

NOTES = "/Users/kim/설계/plan.docx"


def process(path: str = "/bin/cp", pid: int = 501) -> dict[str, Any]:
    return {"audit_token": {"pid": pid, "euid": 502}, "ppid": 1, "executable": {"path": path}}


def line(number: int = 0, **event: Any) -> bytes:
    told = {"time": "2026-03-02T01:02:03.123456789Z", "process": process(), "event": event, "seq_num": number}
    return orjson.dumps(told)


def feed(*lines: bytes) -> tuple[Messages, list[Any]]:
    messages = Messages({502: "kim"}.__getitem__)
    return messages, [told for one in lines for told in messages.feed(one)]


def test_a_program_that_starts_is_told_with_its_words_and_who_started_it() -> None:
    target = process("/usr/bin/tar", 777)
    _, (told,) = feed(line(exec={"target": target, "args": ["tar", "cf", "x"], "cwd": {"path": "/tmp"}}))
    assert isinstance(told, Started)
    assert told.fields["CommandLine"] == "tar cf x"
    assert (told.fields["Image"], told.fields["ParentImage"]) == ("/usr/bin/tar", "/bin/cp")
    assert (told.fields["ProcessId"], told.fields["User"]) == (777, "kim")


def test_what_is_done_to_a_file_is_told_with_who() -> None:
    new = {"destination_type": 1, "destination": {"new_path": {"dir": {"path": "/Volumes/USB/"}, "filename": "a"}}}
    _, told = feed(
        line(create=new),
        line(rename={"source": {"path": NOTES}, **new}),
        line(unlink={"target": {"path": NOTES}}),
        line(open={"fflag": 1, "file": {"path": NOTES}}),
        line(close={"modified": True, "target": {"path": NOTES}}),
    )
    assert [(one.kind, one.path, one.old_path) for one in told if isinstance(one, Change)] == [
        ("create", "/Volumes/USB/a", ""),
        ("rename", "/Volumes/USB/a", NOTES),
        ("delete", NOTES, ""),
        ("read", NOTES, ""),
        ("modify", NOTES, ""),
        ("closed", NOTES, ""),
    ]
    assert {(one.who.pid, one.who.image, one.who.user) for one in told} == {(501, "/bin/cp", "kim")}


def test_opening_for_writing_and_closing_unchanged_say_nothing() -> None:
    _, told = feed(
        line(open={"fflag": 3, "file": {"path": NOTES}}), line(close={"modified": False, "target": {"path": NOTES}})
    )
    assert told == []


def test_volumes_come_and_go() -> None:
    at = {"statfs": {"f_mntonname": "/Volumes/USB"}}
    _, told = feed(line(mount=at), line(unmount=at))
    assert [(one.point, one.here) for one in told if isinstance(one, Mounted)] == [
        ("/Volumes/USB", True),
        ("/Volumes/USB", False),
    ]


def test_holes_in_the_numbers_of_one_kind_are_counted_as_lost() -> None:
    at = {"target": {"path": NOTES}}
    messages, _ = feed(line(4, unlink=at), line(9, exec={"target": process()}), line(7, unlink=at))
    assert messages.lost == 2


@given(st.binary(max_size=60) | st.dictionaries(st.text(max_size=5), st.integers(0, 99) | st.none()).map(orjson.dumps))
def test_what_is_no_message_is_counted_and_nothing_is_raised(raw: bytes) -> None:
    messages, told = feed(raw)
    assert (told, messages.unreadable) == ([], 1)
