"""Mounted file systems from /proc/self/mountinfo (proc_pid_mountinfo(5)); the kernel signals changes as POLLPRI."""

import os
import re
import select
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

MOUNTINFO = Path("/proc/self/mountinfo")
MINIMUM_FIELDS = 10
_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """`device` is major:minor, `source` what the mounter named (/dev/sdb1)."""

    mount_id: int
    device: str
    root: str
    point: str
    options: frozenset[str]
    kind: str
    source: str

    @property
    def read_only(self) -> bool:
        return "ro" in self.options

    def option(self, name: str) -> str:
        """Value of `name=value`, else ""."""
        prefix = f"{name}="
        return next((o[len(prefix) :] for o in self.options if o.startswith(prefix)), "")


def parse(text: str) -> Iterator[Mount]:
    """Mounts in the order of the file; a line that is cut short is left out."""
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) < MINIMUM_FIELDS or "-" not in fields[6:]:
            continue
        after = fields.index("-", 6)
        if len(fields) < after + 4:
            continue
        options = frozenset((fields[5] + "," + fields[after + 3]).split(","))
        yield Mount(
            int(fields[0]),
            fields[2],
            _plain(fields[3]),
            _plain(fields[4]),
            options,
            fields[after + 1],
            _plain(fields[after + 2]),
        )


def _plain(text: str) -> str:
    r"""Undo the kernel's \ooo escapes of space, tab, newline and backslash; other bytes are the path's own."""
    if "\\" not in text:
        return text
    return _OCTAL.sub(lambda m: chr(int(m[1], 8)), text)


def _on_its_device(mount: Mount) -> Mount:
    """btrfs, and FUSE that was given a device, are mounted under a number of no device ("0:52")."""
    if not mount.device.startswith("0:") or not mount.source.startswith("/dev/"):
        return mount
    try:
        status = os.stat(mount.source)
    except OSError:
        return mount
    if not stat.S_ISBLK(status.st_mode):
        return mount
    return mount._replace(device=f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}")


class MountTable:
    """The table as it is now, and a descriptor that polls POLLPRI | POLLERR when it changes."""

    def __init__(self, path: Path = MOUNTINFO) -> None:
        self._file = path.open("r", encoding="utf-8", errors="surrogateescape")

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self) -> list[Mount]:
        """All mounts; also rearms the poll."""
        self._file.seek(0)
        return [_on_its_device(mount) for mount in parse(self._file.read())]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


CHANGED = select.POLLPRI | select.POLLERR
