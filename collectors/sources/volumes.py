"""Mounted removable volumes: what the media source tells and the files source watches."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from collectors.sources import blocks, superblock
from collectors.sources.blocks import SYS, Block
from collectors.sources.mounts import Mount, MountTable
from collectors.sources.superblock import Identity
from collectors.sources.who import user_name

DEV = Path("/dev")
SEAT = Path("/run/systemd/seats/seat0")
USER_MOUNTS = re.compile(r"^(?:/run)?/media/([^/]+)/[^/]+")
"""Where udisks2 mounts for a person (udisks(8), /run/media/USER/LABEL)."""


class Volume(NamedTuple):
    """A removable file system at its mount point."""

    mount: Mount
    block: Block

    @property
    def key(self) -> str:
        """Changes also when the volume is mounted anew for writing."""
        return f"{self.mount.device} {self.mount.point} {'ro' if self.mount.read_only else 'rw'}"


def removable(mounts: list[Mount], *, sys: Path = SYS, loop_is_removable: bool = False) -> list[Volume]:
    """The mounts that lie on removable media, also through dm-crypt; file systems without a block device are none."""
    found = []
    described: dict[str, Block | None] = {}
    for mount in filter(on_a_device, mounts):
        if mount.device not in described:
            described[mount.device] = blocks.describe(mount.device, sys=sys, loop_is_removable=loop_is_removable)
        block = described[mount.device]
        if block is not None and block.removable:
            found.append(Volume(mount, block))
    return found


def on_a_device(mount: Mount) -> bool:
    """Else it can lie on no removable medium."""
    return mount.source.startswith("/dev/") or not mount.device.startswith("0:")


def fields(volume: Volume) -> dict[str, object]:
    """Whose device it is, as events tell it."""
    name = identity(volume.block.name)
    return {
        "Vendor": volume.block.vendor,
        "Product": volume.block.product,
        "Serial": volume.block.serial,
        "FilesystemId": name.uuid,
        "Label": name.label,
    }


def identity_at(loop_is_removable: bool, point: str) -> dict[str, object]:
    """The fields of the removable volume mounted at `point`; empty when there is none any more."""
    with MountTable() as table:
        mounted = [mount for mount in table.read() if mount.point == point]
    found = removable(mounted, loop_is_removable=loop_is_removable)
    return fields(found[-1]) if found else {}


def mounting_user(mount: Mount) -> str:
    """The person a desktop mounted it for, by path or by the uid= option; else who sits at the machine's own screen;
    "" when nobody can tell."""
    if match := USER_MOUNTS.match(mount.point):
        return match[1]
    uid = mount.option("uid") or mount.option("user_id")
    return user_name(int(uid)) if uid.isdigit() and uid != "0" else _at_the_screen()


def _at_the_screen(seat: Path = SEAT) -> str:
    """systemd-logind's own record of the active session (sd-login(3))."""
    try:
        stated = dict(line.split("=", 1) for line in seat.read_text().splitlines() if "=" in line)
    except OSError:
        return ""
    uid = stated.get("ACTIVE_UID", "")
    return user_name(int(uid)) if uid.isdigit() else ""


def identity(name: str, *, dev: Path = DEV) -> Identity:
    """UUID and label by udev's links (no right needed), else from the device's first bytes (needs root)."""
    by_uuid, by_label = _linked(dev / "disk" / "by-uuid", name), _linked(dev / "disk" / "by-label", name)
    if by_uuid:
        return Identity(by_uuid, by_label)
    try:
        with (dev / name).open("rb", buffering=0) as device:
            return superblock.identify(device.read(superblock.BYTES))
    except OSError:
        return Identity()


def _linked(folder: Path, name: str) -> str:
    try:
        links = list(folder.iterdir())
    except OSError:
        return ""
    for link in links:
        if os.path.basename(os.readlink(link)) == name:
            return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), link.name)
    return ""
