"""DNS answers (RFC 1035, section 4.1): what was asked, how it went, what was said."""

import socket
import struct
from typing import NamedTuple

from collectors.flows.dns import question

_HEADER = struct.Struct(">HHHHHH").unpack_from
_RECORD = struct.Struct(">HHIH").unpack_from
_A, _CNAME, _AAAA = 1, 5, 28
_QR, _NOT_ANSWER = 0x80, 0x07
POINTERS_AT_MOST, RECORDS_AT_MOST = 32, 64


class Answer(NamedTuple):
    """`results` as Sysmon writes them ("192.0.2.1", "type: 5 www.example.com"); `addresses` packed; `code` 0 = found,
    else RCODE (3 = no such name)."""

    name: str
    type: str
    code: int
    results: tuple[str, ...]
    addresses: tuple[bytes, ...]


def answer(message: bytes) -> Answer | None:
    """None when `message` is no DNS answer to one question. A damaged record ends the reading of its results."""
    if len(message) < 12 or not message[2] & _QR:
        return None
    asked = question(bytes((*message[:2], message[2] & _NOT_ANSWER, *message[3:])))
    if asked is None:
        return None
    _, flags, _, count, _, _ = _HEADER(message)
    results: list[str] = []
    addresses: list[bytes] = []
    try:
        at = _skip(message, 12) + 4
        for _ in range(min(count, RECORDS_AT_MOST)):
            at = _skip(message, at)
            kind, _, _, size = _RECORD(message, at)
            at += 10
            if kind == _CNAME:
                results.append(f"type: {kind} {_name(message, at)}")
            elif (kind, size) in ((_A, 4), (_AAAA, 16)):
                packed = message[at : at + size]
                results.append(socket.inet_ntop(socket.AF_INET if size == 4 else socket.AF_INET6, packed))
                addresses.append(packed)
            else:
                results.append(f"type: {kind}")
            at += size
    except (struct.error, IndexError, ValueError):
        pass
    return Answer(*asked, flags & 15, tuple(results), tuple(addresses))


def _skip(message: bytes, at: int) -> int:
    """Where the name at `at` ends."""
    while length := message[at]:
        if length >= 0xC0:
            return at + 2
        at += 1 + length
    return at + 1


def _name(message: bytes, at: int) -> str:
    """Raises IndexError for a name that runs out of the message, ValueError for one that points in circles."""
    labels: list[str] = []
    for _ in range(POINTERS_AT_MOST * 4):
        length = message[at]
        if length >= 0xC0:
            at = (length & 0x3F) << 8 | message[at + 1]
        elif not length:
            return ".".join(labels)
        else:
            labels.append(message[at + 1 : at + 1 + length].decode("ascii", "replace"))
            at += 1 + length
    raise ValueError("a name without an end")
