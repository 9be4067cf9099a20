"""Acts on a removable volume that is not allowed: remounts it read-only, or unmounts it. Nothing else, ever.

Before it acts it looks again: the volume must still be mounted where it was, lie on a removable device, and share no
disk with what the system runs on (a server may have started from a stick).
"""

import ctypes
import os
from pathlib import Path
from typing import Literal

from collectors.sources import volumes
from collectors.sources.blocks import SYS
from collectors.sources.mounts import Mount, MountTable
from collectors.sources.volumes import Volume

Act = Literal["read_only", "unmount"]

_SYSTEM = ("/", "/boot", "/efi", "/usr", "/var", "/etc", "/home", "/root", "/opt", "/srv", "/nix")
_RDONLY, _REMOUNT, _DETACH = 1, 32, 2
_KEPT = {"nosuid": 2, "nodev": 4, "noexec": 8, "sync": 16, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
"""Flags of mount(2) that a remount would otherwise take away."""


class NotDone(Exception):
    """Why it was not done, in words for people."""


def enforce(act: Act, volume: Volume, *, sys: Path = SYS, loop_is_removable: bool = False) -> None:
    """Raises NotDone."""
    with MountTable() as table:
        mounts = table.read()
    mount = next((one for one in reversed(mounts) if one.point == volume.mount.point), None)
    if mount is None or mount.device != volume.mount.device:
        raise NotDone("the volume is no longer mounted there")
    if not volumes.removable([mount], sys=sys, loop_is_removable=loop_is_removable):
        raise NotDone("it does not lie on a removable device")
    if _runs_the_system(mount, mounts, sys):
        raise NotDone("the system itself runs from this device")
    try:
        _read_only(mount) if act == "read_only" else _unmount(mount)
    except OSError as error:
        raise NotDone(f"the system refused it: {error.strerror}") from error


def _runs_the_system(mount: Mount, mounts: list[Mount], sys: Path) -> bool:
    disk = _disk(mount, sys)
    return any(_disk(one, sys) == disk for one in mounts if one.point in _SYSTEM or one.point.startswith("/boot/"))


def _disk(mount: Mount, sys: Path) -> str:
    """The whole disk under a mount, also under a partition or an encrypted volume; the device where there is none."""
    try:
        folder = (sys / "dev" / "block" / mount.device).resolve(strict=True)
        while below := sorted((folder / "slaves").glob("*")):
            folder = below[0].resolve()
    except OSError:
        return mount.device
    return str(folder.parent if (folder / "partition").exists() else folder)


def _read_only(mount: Mount) -> None:
    """Of the whole file system, so that it is read-only wherever else it is mounted, too."""
    flags = sum(flag for name, flag in _KEPT.items() if name in mount.options)
    _call("mount", None, os.fsencode(mount.point), None, ctypes.c_ulong(flags | _RDONLY | _REMOUNT), None)


def _unmount(mount: Mount) -> None:
    """Where files are open, it is made read-only first if that goes, then taken out of the folder tree."""
    point = os.fsencode(mount.point)
    try:
        _call("umount2", point, 0)
    except OSError:
        try:
            _read_only(mount)
        finally:
            _call("umount2", point, _DETACH)


def _call(name: str, *words: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*words) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
