"""mountinfo is read as the kernel writes it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.mounts import MountTable, parse
from collectors.sources.volumes import mounting_user

LINE = (
    "36 35 8:17 / /run/media/kim/내\\040자료 rw,nosuid,relatime shared:15 master:1 "
    "- vfat /dev/sdb1 ro,uid=1000,fmask=0022"
)


def test_a_line_becomes_a_mount_with_its_escapes_undone() -> None:
    (mount,) = parse(LINE)
    assert (mount.device, mount.point, mount.kind, mount.source) == (
        "8:17",
        "/run/media/kim/내 자료",
        "vfat",
        "/dev/sdb1",
    )
    assert mount.read_only, "the file system's own ro counts, though the mount says rw"
    assert mount.option("uid") == "1000"


def test_the_mounting_user_is_read_from_the_desktops_path() -> None:
    assert mounting_user(next(parse(LINE))) == "kim"


def test_without_optional_fields_the_line_reads_the_same() -> None:
    (mount,) = parse("36 35 98:0 /mnt1 /mnt2 rw,noatime - ext3 /dev/root rw,errors=continue")
    assert (mount.root, mount.point, mount.kind, mount.read_only) == ("/mnt1", "/mnt2", "ext3", False)


def test_a_file_system_with_a_number_of_its_own_is_found_on_the_device_it_was_mounted_from(tmp_path: Path) -> None:
    """btrfs on a stick: else nobody would see that it is one."""
    device = next((d for d in Path("/dev").glob("*") if d.is_block_device()), None)
    if device is None:
        pytest.skip("no block device here")
    number = device.stat().st_rdev
    lines = f"36 35 0:52 / /mnt/a rw - btrfs {device} rw\n37 35 0:53 / /mnt/b rw - fuse /dev/null rw\n"
    (tmp_path / "mountinfo").write_text(lines + "38 35 0:54 / /mnt/c rw - tmpfs tmpfs rw\n")
    with MountTable(tmp_path / "mountinfo") as table:
        found = [mount.device for mount in table.read()]
    assert found == [f"{os.major(number)}:{os.minor(number)}", "0:53", "0:54"]


@given(st.text(max_size=200))
def test_no_text_makes_it_fail_beyond_a_wrong_number(text: str) -> None:
    try:
        list(parse(text))
    except ValueError:
        assert not text.split(" ")[0].isdigit()


def test_this_machines_own_table_has_a_root() -> None:
    with MountTable() as table:
        assert "/" in {mount.point for mount in table.read()}
        assert table.read() == table.read()
