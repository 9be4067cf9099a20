"""pcap files (draft-ietf-opsawg-pcap), with micro- or nanoseconds, either byte order, and Kuznetsov's variant."""

import re
import struct
from collections.abc import Iterator

from collectors.flows.frame import Frame
from collectors.flows.window import Damage, Window

_MOST_BYTES = 64 * 1024 * 1024
_USUAL_BYTES = 262_144
"""What libpcap and Wireshark take for the largest packet."""

_DAY = 86_400


def pcap_frames(window: Window, damage: Damage) -> Iterator[Frame]:
    """The frames of the pcap file that `window` stands at the beginning of."""
    if not window.more(24):
        damage("cut short within its header")
        return
    records = _Records(window.data)
    window.at = 24
    number, before = 0, 0
    last: int | None = None
    header, size = records.header, records.header.size
    while len(window.data) - window.at >= size or window.more(size):
        data, at = window.data, window.at
        seconds, fraction, captured, original = header.unpack_from(data, at)[:4]
        is_none = records.is_none(seconds, captured, original)
        if not is_none and (len(data) - at >= size + captured or window.more(size + captured)):
            data, at = window.data, window.at
            window.at = at + size + captured
            number, last, before = number + 1, seconds, captured
            time = seconds * 1_000_000_000 + fraction * records.to_ns
            yield Frame(time, records.link, data[at + size : window.at], max(original, captured))
            continue
        passed = None if last is None else records.search(window, last, before)
        if passed is None:
            damage(
                f"no packet can be found behind packet {number}" if is_none else f"cut short within packet {number + 1}"
            )
            return
        before = 0
        damage(
            f"{passed} bytes behind packet {number} are no packet: skipped"
            if passed > 0
            else f"packet {number} claims too many bytes"
        )
    if len(window.data) > window.at:
        damage(f"cut short within packet {number + 1}")


class _Records:
    """How this file writes its packets, by its first 24 bytes."""

    def __init__(self, head: bytes) -> None:
        order = ">" if head[:1] == b"\xa1" else "<"
        magic, _, _, _, _, snap, link = struct.unpack_from(order + "IHHIIII", head)
        self.to_ns = 1 if magic == 0xA1B23C4D else 1000
        self.link = link & 0xFFFF  # above: how many bytes of checksum each frame ends with
        self.header = struct.Struct(order + ("IIIIIHBx" if magic == 0xA1B2CD34 else "IIII"))
        self._most = snap if _USUAL_BYTES < snap <= _MOST_BYTES else _USUAL_BYTES
        self._order = order
        self._high_half = 2 if order == "<" else 0

    def is_none(self, seconds: int, captured: int, original: int) -> bool:
        """Bytes that cannot be a packet's header: a length that no packet has, or the zeros a power cut leaves."""
        return captured > self._most or not (seconds or captured or original)

    def search(self, window: Window, last: int, before: int) -> int | None:
        """Move on to the next packet less than a day before or after `last`; how many bytes were passed over.

        Its header must be followed by another or by the file's end. None when there is no such packet. The search
        begins `before` bytes back: the packet that ended here may have claimed what is not its own.
        """
        back = min(before, window.at)
        window.at -= back
        passed, need = -back, 2 * self.header.size + _USUAL_BYTES
        begins = self._begins_near(last)
        while True:
            window.more(2 * need)
            data, start = window.data, window.at
            for found in begins.finditer(data, start + 1):
                at = found.start() - self._high_half
                if at > start and self._is_packet(data, at, last):
                    window.at = at
                    return passed + at - start
            if window.ended:
                return None
            window.at = len(data) - need
            passed += window.at - start

    def _begins_near(self, last: int) -> "re.Pattern[bytes]":
        """Finds the two bytes of a header's seconds that change every 18 hours only."""
        halves = {(last + away >> 16) & 0xFFFF for away in (-_DAY, -_DAY // 2, 0, _DAY // 2, _DAY)}
        return re.compile(b"|".join(re.escape(struct.pack(self._order + "H", half)) for half in halves), re.DOTALL)

    def _is_packet(self, data: bytes, at: int, last: int) -> bool:
        after = self._end(data, at, last)
        return after is not None and (after == len(data) or self._end(data, after, last) is not None)

    def _end(self, data: bytes, at: int, last: int) -> int | None:
        """Where the packet ends whose header seems to lie at `at`."""
        if len(data) < at + self.header.size:
            return None
        seconds, fraction, captured, original = self.header.unpack_from(data, at)[:4]
        fits = abs(seconds - last) <= _DAY and fraction * self.to_ns < 1_000_000_000
        fits = fits and 0 < captured <= min(original, _USUAL_BYTES)
        return at + self.header.size + captured if fits else None
