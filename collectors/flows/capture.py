"""Capture files, pcap and pcapng, read as a stream of frames; a damaged file gives all that is whole before the damage.

Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
"""

import struct
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

Damage = Callable[[str], None]
"""Called once, with a sentence, when the rest of a file cannot be read."""

_MOST_BYTES = 64 * 1024 * 1024
_SECTION = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 1, 2, 3, 6


class Frame(NamedTuple):
    """`time` in ns since 1970; `link` a LINKTYPE_ number; `data` what was captured of the frame."""

    time: int
    link: int
    data: bytes


def frames(stream: IO[bytes], damage: Damage) -> Iterator[Frame]:
    """The frames of a pcap or pcapng stream, in file order."""
    magic = _read(stream, 4)
    yield from _pcapng(stream, damage) if magic == _SECTION else _pcap(stream, magic, damage)


def _read(stream: IO[bytes], count: int) -> bytes:
    """`count` bytes, fewer only at the end."""
    data = stream.read(count)
    while len(data) < count and (more := stream.read(count - len(data))):
        data += more
    return data


def _pcap(stream: IO[bytes], magic: bytes, damage: Damage) -> Iterator[Frame]:
    order = ">" if magic[:1] == b"\xa1" else "<"
    to_ns = 1 if b"\x3c" in magic else 1000
    head = _read(stream, 20)
    if len(head) < 20:
        damage("cut short within its header")
        return
    link = struct.unpack(order + "I", head[16:20])[0] & 0xFFFF
    record = struct.Struct(order + "IIII")
    number = 0
    while header := _read(stream, 16):
        number += 1
        if len(header) < 16:
            damage(f"cut short within the header of packet {number}")
            return
        seconds, fraction, captured, _ = record.unpack(header)
        if captured > _MOST_BYTES:
            damage(f"packet {number} claims {captured} bytes: damaged from there on")
            return
        data = _read(stream, captured)
        if len(data) < captured:
            damage(f"cut short within packet {number}")
            return
        yield Frame(seconds * 1_000_000_000 + fraction * to_ns, link, data)


class _Interface(NamedTuple):
    link: int
    per_second: int
    offset: int
    snap: int

    def time(self, high: int, low: int) -> int:
        ticks = high << 32 | low
        return ticks * 1_000_000_000 // self.per_second + self.offset * 1_000_000_000


def _pcapng(stream: IO[bytes], damage: Damage) -> Iterator[Frame]:
    order, last, number = "<", 0, 0
    interfaces: list[_Interface] = []
    kind_bytes = _SECTION
    while kind_bytes:
        number += 1
        rest = _read(stream, 4)
        if len(kind_bytes) < 4 or len(rest) < 4:
            damage(f"cut short within the header of block {number}")
            return
        body = b""
        if kind_bytes == _SECTION:
            body = _read(stream, 4)
            order = ">" if body == b"\x1a\x2b\x3c\x4d" else "<"
            interfaces = []
        size = struct.unpack(order + "I", rest)[0]
        if size < 12 + len(body) or size % 4 or size > _MOST_BYTES:
            damage(f"block {number} claims {size} bytes: damaged from there on")
            return
        body += _read(stream, size - 12 - len(body))
        trailer = _read(stream, 4)
        if len(body) + 12 < size or len(trailer) < 4:
            damage(f"cut short within block {number}")
            return
        if trailer != rest:
            damage(f"block {number} states two lengths: damaged from there on")
            return
        kind = struct.unpack(order + "I", kind_bytes)[0]
        try:
            if kind == _INTERFACE:
                interfaces.append(_interface(order, body))
            elif (frame := _packet(order, kind, body, interfaces, last)) is not None:
                last = frame.time
                yield frame
        except (struct.error, IndexError):
            damage(f"block {number} is malformed")
            return
        kind_bytes = _read(stream, 4)


def _packet(order: str, kind: int, body: bytes, interfaces: list[_Interface], last: int) -> Frame | None:
    if kind == _ENHANCED:
        at, high, low, captured = struct.unpack_from(order + "IIII", body)
    elif kind == _OLD_PACKET:
        at, _, high, low, captured = struct.unpack_from(order + "HHIII", body)
    elif kind == _SIMPLE:
        size = struct.unpack_from(order + "I", body)[0]
        return Frame(last, interfaces[0].link, body[4 : 4 + min(size, interfaces[0].snap or size)])
    else:
        return None
    interface = interfaces[at]
    if captured > len(body) - 20:
        raise IndexError(captured)
    return Frame(interface.time(high, low), interface.link, body[20 : 20 + captured])


def _interface(order: str, body: bytes) -> _Interface:
    link, _, snap = struct.unpack_from(order + "HHI", body)
    per_second, offset, at = 1_000_000, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 0:
            break
        if code == 9 and size == 1:
            per_second = 1 << min(value[0] & 0x7F, 63) if value[0] & 0x80 else 10 ** min(value[0], 18)
        elif code == 14 and size == 8:
            offset = struct.unpack(order + "q", value)[0]
        at += 4 + size + -size % 4
    return _Interface(link, per_second, offset, snap)
