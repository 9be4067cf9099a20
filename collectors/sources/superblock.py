"""Identity and label of a file system, read from its first bytes; for a machine without udev, or before udev knows.

Offsets: ext2/3/4 and xfs, btrfs on-disk formats (Linux documentation), FAT and NTFS boot sectors, exFAT
specification 3.1.
"""

import struct
from typing import NamedTuple
from uuid import UUID

BYTES = 0x10000 + 0x400
"""How much of a device's start is needed."""


class Identity(NamedTuple):
    """As `blkid` prints them; "" when the format is not one of ours."""

    uuid: str = ""
    label: str = ""


def identify(head: bytes) -> Identity:
    """From the first `BYTES` bytes of the volume (fewer are fine)."""
    head = head.ljust(BYTES, b"\0")
    if head[0x438:0x43A] == b"\x53\xef":
        return Identity(str(UUID(bytes=head[0x468:0x478])), _label(head[0x478:0x488]))
    if head[:4] == b"XFSB":
        return Identity(str(UUID(bytes=head[32:48])), _label(head[108:120]))
    if head[0x10040:0x10048] == b"_BHRfS_M":
        return Identity(str(UUID(bytes=head[0x10020:0x10030])), _label(head[0x1012B:0x1022B]))
    if head[3:11] == b"NTFS    ":
        return Identity(f"{struct.unpack_from('<Q', head, 72)[0]:016X}")
    if head[3:11] == b"EXFAT   ":
        return Identity(_serial(head, 100))
    if head[82:90] == b"FAT32   ":
        return Identity(_serial(head, 67), _fat_label(head[71:82]))
    if head[54:59] in (b"FAT12", b"FAT16"):
        return Identity(_serial(head, 39), _fat_label(head[43:54]))
    return Identity()


def _label(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def _fat_label(raw: bytes) -> str:
    text = raw.split(b"\0", 1)[0].decode("cp437").strip()
    return "" if text == "NO NAME" else text


def _serial(head: bytes, offset: int) -> str:
    number = struct.unpack_from("<I", head, offset)[0]
    return f"{number >> 16:04X}-{number & 0xFFFF:04X}"
