"""A log that grows, is rotated and cut."""

import bz2
import gzip
import lzma
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.sources.followed import Followed, Place
from collectors.sources.rotated import Opened

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.compress,
}


def pack(path: Path, packed: Path) -> None:
    """As gzip does it: with the time of the file, which is removed."""
    packed.write_bytes(PACKINGS[packed.suffix](path.read_bytes()))
    shutil.copystat(path, packed)
    path.unlink()


def copy_and_truncate(log: Path, copy: Path) -> None:
    """As logrotate's copytruncate does it."""
    shutil.copy2(log, copy)
    with log.open("r+b") as file:
        file.truncate(0)


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


@pytest.mark.parametrize("packing", sorted(PACKINGS))
def test_files_packed_while_nobody_watched_are_read_in_their_order(tmp_path: Path, packing: str) -> None:
    log = tmp_path / "access.log"
    write(log, "1", "2")
    first = Followed(str(log), new=True)
    everything(first)
    first.close()
    write(log, "3")
    os.utime(log, (1, 1))
    pack(log, tmp_path / f"access.log.3{packing}")
    write(log, "4")
    os.utime(log, (2, 2))
    pack(log, tmp_path / f"access.log.2{packing}")
    write(log, "5")
    log.rename(tmp_path / "access.log.1")
    write(log, "6")
    second = Followed(str(log), first.place)
    assert everything(second) == ["3", "4", "5", "6"]
    assert second.losses == []


def test_a_file_packed_in_two_pieces_is_read_whole(tmp_path: Path) -> None:
    for packing, packed in PACKINGS.items():
        (tmp_path / f"log{packing}").write_bytes(packed(b"one ") + packed(b"two"))
        with Opened(str(tmp_path / f"log{packing}")) as file:
            assert b"".join(iter(lambda: file.read(3), b"")) == b"one two", packing


@pytest.mark.parametrize("packing", sorted(PACKINGS))
@pytest.mark.parametrize("content", [b"", b"packed", b"cut"])
def test_a_packed_file_that_is_damaged_is_told_and_the_next_is_read(
    tmp_path: Path, packing: str, content: bytes
) -> None:
    log = tmp_path / "log"
    write(log, "1")
    followed = Followed(str(log), new=True)
    everything(followed)
    log.rename(tmp_path / "log.2")
    if content == b"cut":
        whole = PACKINGS[packing](b"".join(b"%d\n" % (n * n) for n in range(3000)))
        content = whole[: len(whole) // 2]
    (tmp_path / f"log.1{packing}").write_bytes(content)
    write(log, "now")
    assert everything(followed)[-1] == "now"
    assert [loss.rpartition("/")[2] for loss in followed.losses] in (
        [f"log.1{packing} is damaged, its rest cannot be unpacked"],
        [] if not content else None,  # gzip takes an empty file for nothing packed
    )


def test_what_a_copy_before_the_cut_holds_is_read_from_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "1")
    followed = Followed(str(log), new=True)
    everything(followed)
    write(log, "2")
    copy_and_truncate(log, tmp_path / "log.1")
    write(log, "a new one, longer than what was read")
    assert everything(followed) == ["2", "a new one, longer than what was read"]
    assert followed.losses == []


def test_a_file_cut_and_as_long_again_is_known_by_how_it_begins(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "Nov 22 10:00:00 one")
    followed = Followed(str(log), new=True)
    everything(followed)
    log.write_text("Nov 22 10:00:01 two\nNov 22 10:00:02 three\n")
    assert everything(followed) == ["Nov 22 10:00:01 two", "Nov 22 10:00:02 three"]
    assert "was cut" in followed.losses[0]


def test_another_file_under_the_same_inode_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "Nov 22 10:00:00 one")
    first = Followed(str(log), new=True)
    everything(first)
    first.close()
    assert first.place is not None
    log.write_text("Nov 23 10:00:01 two\nNov 23 10:00:02 three\n")
    second = Followed(str(log), first.place)
    assert everything(second) == ["Nov 23 10:00:01 two", "Nov 23 10:00:02 three"]
    assert "rotated away" in second.losses[0]


def test_the_hole_a_writer_leaves_in_a_file_cut_beneath_it_is_no_part_of_a_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "before")
    followed = Followed(str(log), new=True)
    everything(followed)
    with log.open("r+b") as file:
        file.truncate(0)
        file.seek(5_000_000)
        file.write(b"after\n")
    assert [line for line in everything(followed) if line] == ["after"]


def test_a_place_kept_by_an_older_agent_is_gone_on_with(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, "1", "2")
    status = log.stat()
    assert everything(Followed(str(log), Place(status.st_dev, status.st_ino, 2))) == ["2"]


STEPS = ["write", "rotate", "copy and truncate", "pack", "restart", "read"]
Step = tuple[str, int]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 5)), max_size=30))
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
            elif step == "copy and truncate" and log.exists() and log.stat().st_size:
                found += [line for _ in range(number + 2) for line in followed.lines()]  # it is known by its beginning
                copy_and_truncate(log, Path(f"{log}.{number}"))
                written.append(f"line {len(written)}")
                write(log, written[-1])
                os.utime(log, (number, number))
                found += [line for _ in range(3) for line in followed.lines()]
            elif step == "pack":
                for plain in (path for path in Path(name).iterdir() if path.suffix[1:].isdigit()):
                    pack(plain, plain.with_name(f"{plain.name}.gz"))
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
