"""Removable volumes that have a drive letter now."""

import pywintypes
import win32api
import win32con
import win32file
import win32ts

from collectors.sources.listed_media import ListedVolume
from collectors.windows import storage

READ_ONLY = 0x80000
"""FILE_READ_ONLY_VOLUME."""
POSSIBLE = (win32con.DRIVE_REMOVABLE, win32con.DRIVE_FIXED)
SHARED = win32con.FILE_SHARE_READ | win32con.FILE_SHARE_WRITE


def removable() -> list[ListedVolume]:
    """Drives without a medium are left out."""
    letters = [root for root in win32api.GetLogicalDriveStrings().split("\0") if root]
    found = [_volume(root) for root in letters if win32file.GetDriveType(root) in POSSIBLE]
    return [volume for volume in found if volume is not None]


def points() -> list[str]:
    """Where they are mounted: E:\\ and the like."""
    return [volume.point for volume in removable()]


def _volume(root: str) -> ListedVolume | None:
    try:
        disk = _device(root)
        if not disk.plugged_in:
            return None
        label, serial, _, flags, kind = win32api.GetVolumeInformation(root)
        _, size, _ = win32api.GetDiskFreeSpaceEx(root)
    except (pywintypes.error, ValueError):
        return None
    return ListedVolume(
        root,
        rf"\\.\{root[:2]}",
        disk.vendor,
        disk.product,
        disk.serial,
        int(size),
        storage.volume_id(serial & 0xFFFF_FFFF),
        kind,
        label,
        bool(flags & READ_ONLY),
        _at_the_screen(),
    )


def _device(root: str) -> storage.StorageDevice:
    """Opened without any access, which everybody may. Raises pywintypes.error, ValueError."""
    handle = win32file.CreateFile(rf"\\.\{root[:2]}", 0, SHARED, None, win32con.OPEN_EXISTING, 0, None)
    try:
        raw = win32file.DeviceIoControl(handle, storage.QUERY_PROPERTY, storage.QUERY, storage.BYTES)
    finally:
        handle.Close()
    return storage.device(bytes(raw))


def _at_the_screen() -> str:
    session = win32ts.WTSGetActiveConsoleSessionId()
    try:
        return str(win32ts.WTSQuerySessionInformation(None, session, win32ts.WTSUserName))
    except pywintypes.error:
        return ""
