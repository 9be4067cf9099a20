"""What is removable, and whose stick it is, from a folder laid out like sysfs."""

from pathlib import Path

import pytest

from collectors.sources import blocks


def write(folder: Path, **texts: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text + "\n")
    return folder


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    """A fixed disk, a USB stick with one partition, a USB hard disk's LUKS volume, a loop device."""
    devices = tmp_path / "devices"
    disk = write(devices / "pci0" / "ata1" / "block" / "sda", removable="0", size="2000")
    usb = write(
        devices / "pci0" / "usb1" / "1-2", idVendor="0951", manufacturer="Kingston", product="DT 101", serial="6CF049"
    )
    stick = write(usb / "1-2:1.0" / "host1" / "block" / "sdb", removable="1", size="64")
    part = write(stick / "sdb1", partition="1", size="62")
    crypt = write(devices / "virtual" / "block" / "dm-0", size="60")
    (crypt / "slaves").mkdir()
    (crypt / "slaves" / "sdb1").symlink_to(part)
    loop = write(devices / "virtual" / "block" / "loop0", removable="0", size="128")
    write(loop / "loop", backing_file="/images/stick.img")
    (tmp_path / "block").mkdir()
    (tmp_path / "dev" / "block").mkdir(parents=True)
    for number, folder in {"8:0": disk, "8:16": stick, "8:17": part, "253:0": crypt, "7:0": loop}.items():
        (tmp_path / "dev" / "block" / number).symlink_to(folder)
    for folder in (disk, stick, crypt, loop):
        (tmp_path / "block" / folder.name).symlink_to(folder)
    return tmp_path


def test_a_partition_of_a_usb_stick_carries_the_sticks_names(sys: Path) -> None:
    found = blocks.describe("8:17", sys=sys)
    assert found == ("sdb1", True, "Kingston", "DT 101", "6CF049", 62 * 512)


def test_an_encrypted_volume_on_a_stick_is_that_stick(sys: Path) -> None:
    found = blocks.describe("253:0", sys=sys)
    assert found is not None
    assert (found.removable, found.serial) == (True, "6CF049")


def test_a_fixed_disk_is_not_removable(sys: Path) -> None:
    found = blocks.describe("8:0", sys=sys)
    assert found is not None
    assert not found.removable


def test_a_loop_device_is_a_stick_only_when_asked_for(sys: Path) -> None:
    plain, lab = blocks.describe("7:0", sys=sys), blocks.describe("7:0", sys=sys, loop_is_removable=True)
    assert plain is not None
    assert lab is not None
    assert (plain.removable, lab.removable, lab.product) == (False, True, "stick.img")


def test_a_device_that_is_gone_or_has_no_disk_is_none(sys: Path) -> None:
    assert blocks.describe("0:42", sys=sys) is None


def test_the_removable_disks_are_listed_without_partitions(sys: Path) -> None:
    assert [block.name for block in blocks.disks(sys=sys)] == ["dm-0", "sdb"]
