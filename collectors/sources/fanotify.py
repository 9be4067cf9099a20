"""fanotify(7) through ctypes: the calls, and the records it writes. Linux 5.17 (FAN_RENAME) or newer, as root.

Numbers are those of <linux/fanotify.h> and <linux/fcntl.h>; the record layout is `struct fanotify_event_metadata`
followed by information records (fanotify(7), "Reading fanotify events").
"""

import ctypes
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

CLOEXEC, NONBLOCK = 0x01, 0x02
UNLIMITED_QUEUE, UNLIMITED_MARKS = 0x10, 0x20
REPORT_DFID_NAME = 0xC00

MARK_ADD, MARK_ONLYDIR, MARK_FILESYSTEM = 0x01, 0x08, 0x100

MODIFY, CLOSE_WRITE, CLOSE_NOWRITE = 0x02, 0x08, 0x10
OPEN, CREATE, DELETE = 0x20, 0x100, 0x200
Q_OVERFLOW = 0x4000
EVENT_ON_CHILD, RENAME, ONDIR = 0x0800_0000, 0x1000_0000, 0x4000_0000

FILES = MODIFY | CLOSE_WRITE | CLOSE_NOWRITE | CREATE | DELETE | ONDIR
"""What is asked of a folder or a volume; ONDIR for new and renamed folders."""
BY_DESCRIPTOR = MODIFY | CLOSE_WRITE | CLOSE_NOWRITE | OPEN
"""All that can be asked of a file system without handles."""
OPENINGS = FILES | OPEN
"""What is asked of a protected folder besides: a document that is still open was read, too."""

DFID_NAME, OLD_DFID_NAME, NEW_DFID_NAME = 2, 10, 12

METADATA = struct.Struct("=IBBHQii")
INFO = struct.Struct("=BBH")
HANDLE = struct.Struct("=II")
FSID = 8

AT_FDCWD = -100
O_PATH = getattr(os, "O_PATH", 0)
MAX_HANDLE = 128

_libc = ctypes.CDLL(None, use_errno=True)


class Handle(NamedTuple):
    """A folder's name for the kernel: file system id, and `struct file_handle` as bytes (type and opaque part)."""

    fsid: bytes
    raw: bytes


class Place(NamedTuple):
    """A name in a folder."""

    folder: Handle
    name: bytes


class Signal(NamedTuple):
    """One record. `place` is where it happened; `old` and `new` only with RENAME, each only if that side is watched."""

    mask: int
    pid: int
    place: Place | None
    old: Place | None
    new: Place | None


def init(*, unlimited: bool = True) -> int:
    """A new notification group's descriptor. Raises OSError (EPERM without root, EINVAL on an old kernel)."""
    flags = CLOEXEC | NONBLOCK | REPORT_DFID_NAME
    if unlimited:
        flags |= UNLIMITED_QUEUE | UNLIMITED_MARKS
    return _checked(_libc.fanotify_init(ctypes.c_uint(flags), ctypes.c_uint(os.O_RDONLY)), "fanotify_init")


def init_by_descriptor() -> int:
    """A group whose records carry an open descriptor instead of names: for file systems without handles (FUSE), where
    only openings, writes and closings can be asked for. Reading waits. Raises OSError."""
    flags = CLOEXEC | UNLIMITED_QUEUE | UNLIMITED_MARKS
    opened_with = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_LARGEFILE", 0)
    return _checked(_libc.fanotify_init(ctypes.c_uint(flags), ctypes.c_uint(opened_with)), "fanotify_init")


def mark(group: int, path: str, mask: int, *, filesystem: bool = False) -> None:
    """Ask for `mask` on one folder and its direct children, or on the whole file system it lies on. Raises OSError."""
    flags = MARK_ADD | (MARK_FILESYSTEM if filesystem else MARK_ONLYDIR)
    asked = mask if filesystem else mask | EVENT_ON_CHILD
    done = _libc.fanotify_mark(
        ctypes.c_int(group), ctypes.c_uint(flags), ctypes.c_uint64(asked), ctypes.c_int(AT_FDCWD), os.fsencode(path)
    )
    _checked(done, path)


def handle_of(path: str) -> Handle:
    """The handle by which records will name the folder `path`. Raises OSError."""
    buffer = ctypes.create_string_buffer(HANDLE.size + MAX_HANDLE)
    HANDLE.pack_into(buffer, 0, MAX_HANDLE, 0)
    mount_id = ctypes.c_int()
    done = _libc.name_to_handle_at(
        ctypes.c_int(AT_FDCWD), os.fsencode(path), buffer, ctypes.byref(mount_id), ctypes.c_int(0)
    )
    _checked(done, path)
    size, _ = HANDLE.unpack_from(buffer, 0)
    return Handle(fsid_of(path), buffer.raw[: HANDLE.size + size])


def fsid_of(path: str) -> bytes:
    """The file system id that records carry. Raises OSError."""
    return struct.pack("=Q", os.statvfs(path).f_fsid)


def open_handle(raw: bytes, mount_point: str, flags: int) -> int:
    """A descriptor of what `struct file_handle` names, wherever it is by now. Raises OSError (ESTALE: deleted)."""
    root = os.open(mount_point, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        buffer = ctypes.create_string_buffer(raw, len(raw))
        opened = _libc.open_by_handle_at(ctypes.c_int(root), buffer, ctypes.c_int(flags | os.O_CLOEXEC))
        return _checked(opened, mount_point)
    finally:
        os.close(root)


def path_of(handle: Handle, mount_point: str) -> str:
    """Where the folder is now; holds the file system only for the moment (it must stay unmountable). Raises OSError."""
    folder = open_handle(handle.raw, mount_point, O_PATH)
    try:
        return os.readlink(f"/proc/self/fd/{folder}")
    finally:
        os.close(folder)


def signals(buffer: bytes) -> Iterator[Signal]:
    """The records in what was read from the group's descriptor."""
    at = 0
    while at + METADATA.size <= len(buffer):
        length, _, _, head, mask, _, pid = METADATA.unpack_from(buffer, at)
        if length < METADATA.size:
            return
        places: dict[int, Place] = dict(_places(buffer, at + head, at + length))
        yield Signal(mask, pid, places.get(DFID_NAME), places.get(OLD_DFID_NAME), places.get(NEW_DFID_NAME))
        at += length


def descriptors(buffer: bytes) -> Iterator[tuple[int, int, int]]:
    """(mask, process id, descriptor) of each record of a group by descriptor; each descriptor has to be closed."""
    at = 0
    while at + METADATA.size <= len(buffer):
        length, _, _, _, mask, descriptor, pid = METADATA.unpack_from(buffer, at)
        if length < METADATA.size:
            return
        yield mask, pid, descriptor
        at += length


def _places(buffer: bytes, at: int, end: int) -> Iterator[tuple[int, Place]]:
    while at + INFO.size <= end:
        kind, _, length = INFO.unpack_from(buffer, at)
        if length < INFO.size:
            return
        if kind in (DFID_NAME, OLD_DFID_NAME, NEW_DFID_NAME):
            start = at + INFO.size
            fsid = buffer[start : start + FSID]
            size, _ = HANDLE.unpack_from(buffer, start + FSID)
            after = start + FSID + HANDLE.size + size
            name = buffer[after : at + length].split(b"\0", 1)[0]
            yield kind, Place(Handle(fsid, buffer[start + FSID : after]), name)
        at += length


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result
