"""Block devices from sysfs: what is removable, and whose stick it is. Takes the sysfs root as an argument, so that a
folder laid out like sysfs stands in for a stick."""

import os
from pathlib import Path
from typing import NamedTuple

SYS = Path("/sys")
SECTOR = 512  # bytes; /sys/block/*/size counts in these whatever the device's own sector size is


class Block(NamedTuple):
    """`name` as in /dev; vendor, product and serial are the USB device's own, else the disk's; "" = not told."""

    name: str
    removable: bool
    vendor: str = ""
    product: str = ""
    serial: str = ""
    size: int = 0


def describe(device: str, *, sys: Path = SYS, loop_is_removable: bool = False) -> Block | None:
    """The block device `device` ("8:17"), or None when it has none behind it (tmpfs, NFS) or it is already gone."""
    link = sys / "dev" / "block" / device
    try:
        folder = link.resolve(strict=True)
    except OSError:
        return None
    return from_folder(folder, loop_is_removable=loop_is_removable)


def from_folder(folder: Path, *, loop_is_removable: bool = False) -> Block:
    """From its folder in sysfs (…/block/sdb or …/block/sdb/sdb1)."""
    size = int(_text(folder / "size") or 0) * SECTOR
    if below := _below(folder):
        stick = from_folder(below, loop_is_removable=loop_is_removable)
        return stick._replace(name=folder.name, size=size)
    disk = folder.parent if (folder / "partition").exists() else folder
    loop = disk.name.startswith("loop")
    if usb := next((parent for parent in folder.parents if (parent / "idVendor").exists()), None):
        vendor, product, serial = (_text(usb / part) for part in ("manufacturer", "product", "serial"))
        return Block(folder.name, True, vendor, product, serial, size)
    vendor, product, serial = (_text(disk / "device" / part) for part in ("vendor", "model", "serial"))
    if loop:
        product = Path(_text(disk / "loop" / "backing_file")).name
    removable = _text(disk / "removable") == "1" or (loop and loop_is_removable)
    return Block(folder.name, removable, vendor, product, serial, size)


def disks(*, sys: Path = SYS, loop_is_removable: bool = False) -> list[Block]:
    """All removable disks that are present (have a size)."""
    folder = sys / "block"
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = [from_folder((folder / name).resolve(), loop_is_removable=loop_is_removable) for name in names]
    return [block for block in found if block.removable and block.size]


def _below(folder: Path) -> Path | None:
    """What a dm-crypt or LVM volume lies on."""
    try:
        return next((part.resolve() for part in sorted((folder / "slaves").iterdir())), None)
    except OSError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
