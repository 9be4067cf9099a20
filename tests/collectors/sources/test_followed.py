"""A log that grows, is rotated and cut."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.sources.followed import Followed, Place


def write(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def everything(followed: Followed) -> list[str]:
    found: list[str] = []
    for _ in range(12):
        found += followed.lines()
    return found


def test_reading_begins_at_the_end_of_a_file_that_was_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "old")
    followed = Followed(str(log))
    assert everything(followed) == []
    write(log, "new")
    assert everything(followed) == ["new"]


def test_a_file_that_comes_later_is_read_from_its_beginning(tmp_path: Path) -> None:
    followed = Followed(str(tmp_path / "log"), new=True)
    assert everything(followed) == []
    write(tmp_path / "log", "first")
    assert everything(followed) == ["first"]


def test_a_line_is_handed_out_when_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    followed = Followed(str(log))
    everything(followed)
    with log.open("a") as file:
        file.write("half")
        file.flush()
        assert everything(followed) == []
        file.write(" and half\r\n")
        file.flush()
    assert everything(followed) == ["half and half"]


def test_rotation_loses_and_doubles_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "0")
    followed = Followed(str(log), new=True)
    assert everything(followed) == ["0"]
    write(log, "1")
    log.rename(tmp_path / "log.1")
    write(tmp_path / "log.1", "2")
    write(log, "3")
    assert everything(followed) == ["1", "2", "3"]
    assert followed.losses == []


def test_a_file_cut_in_place_is_read_from_its_beginning_and_the_cut_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "a long line before the cut")
    followed = Followed(str(log), new=True)
    everything(followed)
    log.write_text("after\n")
    assert everything(followed) == ["after"]
    assert "was cut" in followed.losses[0]


def test_a_restart_goes_on_where_it_stopped_also_in_a_rotated_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "1", "2")
    first = Followed(str(log), new=True)
    everything(first)
    first.close()
    write(log, "3")
    log.rename(tmp_path / "log.1")
    write(log, "4")
    assert everything(Followed(str(log), first.place)) == ["3", "4"]


def test_a_restart_after_the_file_is_gone_says_what_is_lost(tmp_path: Path) -> None:
    write(tmp_path / "log", "4")
    followed = Followed(str(tmp_path / "log"), Place(1, 2, 300))
    assert everything(followed) == ["4"]
    assert "rotated away" in followed.losses[0]


def test_files_rotated_one_after_the_other_are_read_in_their_order(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "1")
    first = Followed(str(log), new=True)
    everything(first)
    first.close()
    for n in range(3):
        write(log, f"{n}")
        os.utime(log, (n, n))
        log.rename(tmp_path / f"log.{3 - n}")
    write(log, "now")
    assert everything(Followed(str(log), first.place)) == ["0", "1", "2", "now"]


def test_a_file_packed_before_it_was_read_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "1")
    followed = Followed(str(log), new=True)
    everything(followed)
    log.rename(tmp_path / "log.2")
    (tmp_path / "log.1.gz").write_bytes(b"packed")
    write(log, "now")
    assert everything(followed) == ["now"]
    assert "packed" in followed.losses[0]


Step = tuple[str, int]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["write", "rotate", "restart", "read"]), st.integers(1, 5)), max_size=30))
def test_every_line_comes_once_and_in_order_through_rotations_and_restarts(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as name:
        log = Path(name, "log")
        written = ["line 0"]
        write(log, *written)
        os.utime(log, (0, 0))
        followed = Followed(str(log), new=True)
        found = followed.lines()
        for number, (step, amount) in enumerate([*steps, ("write", 1)], start=1):
            if step == "write":
                fresh = [f"line {len(written) + n}" for n in range(amount)]
                write(log, *fresh)
                os.utime(log, (number, number))
                written += fresh
            elif step == "rotate" and log.exists():
                log.rename(f"{log}.{number}")
            elif step == "restart":
                place = followed.place
                followed.close()
                followed = Followed(str(log), place, new=True)
            else:
                found += followed.lines()
        for _ in range(2 * len(steps) + 4):
            found += followed.lines()
        followed.close()
        assert found == written
        assert followed.losses == []
