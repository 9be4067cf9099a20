"""mountinfo is read as the kernel writes it."""

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
