"""Identity and label from a volume's first bytes."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.superblock import BYTES, Identity, identify


def volume(**at: bytes) -> bytes:
    raw = bytearray(BYTES)
    for place, content in at.items():
        offset = int(place[1:])
        raw[offset : offset + len(content)] = content
    return bytes(raw)


def test_ext4() -> None:
    uuid = bytes(range(16))
    raw = volume(_1080=b"\x53\xef", _1128=uuid, _1144="도면".encode())
    assert identify(raw) == Identity("00010203-0405-0607-0809-0a0b0c0d0e0f", "도면")


def test_fat32() -> None:
    raw = volume(_82=b"FAT32   ", _67=struct.pack("<I", 0x1234ABCD), _71=b"KINGSTON   ")
    assert identify(raw) == Identity("1234-ABCD", "KINGSTON")


def test_fat32_without_a_label() -> None:
    raw = volume(_82=b"FAT32   ", _67=struct.pack("<I", 1), _71=b"NO NAME    ")
    assert identify(raw) == Identity("0000-0001", "")


def test_exfat_and_ntfs() -> None:
    assert identify(volume(_3=b"EXFAT   ", _100=struct.pack("<I", 0xDEADBEEF))).uuid == "DEAD-BEEF"
    assert identify(volume(_3=b"NTFS    ", _72=struct.pack("<Q", 0x1A2B))).uuid == "0000000000001A2B"


@given(st.binary(max_size=2000))
def test_any_bytes_are_answered(raw: bytes) -> None:
    assert isinstance(identify(raw), Identity)
