"""STORAGE_DEVICE_DESCRIPTOR (<winioctl.h>): what a disk says of itself. Pure.

https://learn.microsoft.com/windows/win32/api/winioctl/ns-winioctl-storage_device_descriptor
"""

import struct
from typing import NamedTuple

QUERY = struct.pack("<II4x", 0, 0)
"""STORAGE_PROPERTY_QUERY: StorageDeviceProperty, PropertyStandardQuery."""
QUERY_PROPERTY = 0x2D1400
"""IOCTL_STORAGE_QUERY_PROPERTY."""
BYTES = 4096
USB, FIREWIRE, SD, MMC = 7, 4, 12, 13
OUTSIDE = frozenset((USB, FIREWIRE, SD, MMC))
"""STORAGE_BUS_TYPE of what a person plugs in: a USB hard disk calls itself not removable."""

_HEAD = struct.Struct("<IIBB??IIIII")  # …, removable, queueing, offsets of vendor, product, revision, serial; bus
_NONE = (0, 0xFFFF_FFFF)


class StorageDevice(NamedTuple):
    """Texts are empty where the device tells none."""

    vendor: str
    product: str
    serial: str
    bus: int
    removable_media: bool

    @property
    def plugged_in(self) -> bool:
        return self.bus in OUTSIDE or self.removable_media


def device(raw: bytes) -> StorageDevice:
    """Raises ValueError for what is cut short."""
    if len(raw) < _HEAD.size:
        raise ValueError(f"a storage device descriptor has {_HEAD.size} bytes at least, this has {len(raw)}")
    _, _, _, _, removable, _, vendor, product, _, serial, bus = _HEAD.unpack_from(raw)
    return StorageDevice(_text(raw, vendor), _text(raw, product), _text(raw, serial), bus, removable)


def _text(raw: bytes, at: int) -> str:
    if at in _NONE or at >= len(raw):
        return ""
    return raw[at : raw.find(b"\0", at) % (len(raw) + 1)].decode("ascii", "replace").strip()


def volume_id(serial: int) -> str:
    """As `vol` prints it and Linux calls the same FAT volume: 1A2B-3C4D."""
    return f"{serial >> 16 & 0xFFFF:04X}-{serial & 0xFFFF:04X}"
