"""Attributes of an IPP message (RFC 8010, 3.1), as CUPS also keeps each print job on disk. Pure."""

import struct
from typing import NamedTuple

_INTEGERS = frozenset((0x21, 0x23))
_TEXTS = frozenset((0x41, 0x42, 0x44, 0x45, 0x47, 0x48, 0x49))
_DELIMITERS = 0x10
"""Value tags begin here; below are the tags between groups, 3 the end."""
_END = 3


class Job(NamedTuple):
    """What CUPS's control file says of a job; `created_at` in seconds since 1970 and `kilobytes`, 0 where it does not
    say."""

    number: int
    printer: str
    document: str
    user: str
    host: str
    created_at: int
    kilobytes: int


def job_of(message: bytes) -> Job | None:
    """None for what is no print job of CUPS."""
    told = attributes(message)
    number, uri = told.get("job-id"), told.get("printer-uri")
    if not isinstance(number, int) or not isinstance(uri, str):
        return None
    created, size = (
        value if isinstance(value := told.get(name), int) else 0 for name in ("time-at-creation", "job-k-octets")
    )
    names = ("job-name", "job-originating-user-name", "job-originating-host-name")
    document, user, host = (str(told.get(name, "")) for name in names)
    return Job(number, uri.rpartition("/")[2], document, user, host, created, size)


def attributes(message: bytes) -> dict[str, str | int]:
    """Texts and integers by name, of several values and of a name that comes again the first. Never raises: a message
    that breaks off tells what came before."""
    found: dict[str, str | int] = {}
    at = 8  # version, operation, request number
    try:
        while (tag := message[at]) != _END:
            at += 1
            if tag < _DELIMITERS:
                continue
            name, at = _piece(message, at)
            value, at = _piece(message, at)
            if name and tag in _TEXTS:
                found.setdefault(name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
            elif name and tag in _INTEGERS and len(value) == 4:
                found.setdefault(name.decode("utf-8", "replace"), int.from_bytes(value, "big", signed=True))
    except (IndexError, struct.error):
        pass
    return found


def _piece(message: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">H", message, at)
    end = at + 2 + length
    if end > len(message):
        raise IndexError
    return message[at + 2 : end], end
