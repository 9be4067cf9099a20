"""pcapng files (draft-ietf-opsawg-pcapng): several sections, interfaces, link types, clocks and byte orders."""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from collectors.flows.frame import Frame
from collectors.flows.window import Damage, Window

SECTION = b"\x0a\x0d\x0d\x0a"

_MOST_BYTES = 64 * 1024 * 1024
_SECTION_KIND, _INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_BYTE_ORDER = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_BEGINS_BLOCK = re.compile(rb"\x0a\x0d\x0d\x0a|[\x01-\x06]\x00\x00\x00|\x00\x00\x00[\x01-\x06]")


class _Interface(NamedTuple):
    link: int
    per_second: int
    offset: int
    snap: int

    def time(self, high: int, low: int) -> int:
        ticks = high << 32 | low
        return ticks * 1_000_000_000 // self.per_second + self.offset * 1_000_000_000


class _Block(NamedTuple):
    order: str
    kind: int
    body: bytes


def pcapng_frames(window: Window, damage: Damage) -> Iterator[Frame]:
    """The frames of the pcapng file that `window` stands at the beginning of."""
    interfaces: list[_Interface] = []
    last, strangers, malformed = 0, 0, 0
    for block in _blocks(window, damage):
        if block.kind == _SECTION_KIND:
            interfaces = []
            continue
        try:
            if block.kind == _INTERFACE:
                interfaces.append(_interface(block))
            elif (frame := _packet(block, interfaces, last)) is not None:
                last = frame.time
                yield frame
        except IndexError:
            strangers += 1
        except struct.error:
            malformed += 1
    if strangers:
        damage(f"{strangers} packets are of an interface that the file does not describe")
    if malformed:
        damage(f"{malformed} blocks are malformed")


def _blocks(window: Window, damage: Damage) -> Iterator[_Block]:
    """Every block whose two lengths agree."""
    order, number = "<", 0
    while len(window.data) - window.at >= 12 or window.more(12):
        found = _block_at(window, order)
        if not isinstance(found, _Block):
            passed = _search(window, order)
            if passed is None:
                damage(
                    f"cut short within block {number + 1}" if found else f"no block can be found behind block {number}"
                )
                return
            damage(f"{passed} bytes behind block {number} are no block: skipped")
            continue
        number, order = number + 1, found.order
        window.at += len(found.body) + 12
        yield found
    if len(window.data) > window.at:
        damage(f"cut short within the header of block {number + 1}")


def _block_at(window: Window, order: str) -> "_Block | int | None":
    """The block that begins where `window` stands; None when none does, a number when the file ends within it."""
    data, at = window.data, window.at
    if data[at : at + 4] == SECTION:
        order = _BYTE_ORDER.get(data[at + 8 : at + 12], "")
        if not order:
            return None
    kind, size = _two(order, data, at)
    if size < 12 or size % 4 or size > _MOST_BYTES:
        return None
    if len(data) - at < size:
        if not window.more(size):
            return size
        data, at = window.data, window.at
    if data[at + size - 4 : at + size] != data[at + 4 : at + 8]:
        return None
    return _Block(order, kind, data[at + 8 : at + size - 4])


def _two(order: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(order + "II", data, at)
    return first, second


def _search(window: Window, order: str) -> int | None:
    """Move on to the next whole block; how many bytes were passed over. None when there is none."""
    passed, start = 0, 1
    while True:
        begin = _BEGINS_BLOCK.search(window.data, window.at + start)
        step = (begin.start() if begin else max(len(window.data) - 3, window.at)) - window.at
        window.at += step
        passed += step
        start = 1 if begin else 0
        if not window.more(12):
            return None
        if begin and isinstance(_block_at(window, order), _Block):
            return passed


def _packet(block: _Block, interfaces: list[_Interface], last: int) -> Frame | None:
    order, kind, body = block
    if kind == _ENHANCED:
        at, high, low, captured, size = struct.unpack_from(order + "IIIII", body)
    elif kind == _OLD_PACKET:
        at, _, high, low, captured, size = struct.unpack_from(order + "HHIIII", body)
    elif kind == _SIMPLE:
        size = struct.unpack_from(order + "I", body)[0]
        captured = min(size, interfaces[0].snap or size, len(body) - 4)
        return Frame(last, interfaces[0].link, body[4 : 4 + captured], size)
    else:
        return None
    if captured > len(body) - 20:
        raise struct.error(captured)
    interface = interfaces[at]
    return Frame(interface.time(high, low), interface.link, body[20 : 20 + captured], max(size, captured))


def _interface(block: _Block) -> _Interface:
    order, _, body = block
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
