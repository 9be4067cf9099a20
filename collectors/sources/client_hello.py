"""The server name in a TLS opening (RFC 8446, section 4.1.2; RFC 6066, section 3)."""

import struct

_U16 = struct.Struct(">H").unpack_from
_RANDOM = 43
"""Record header 5, handshake header 4, version 2, random 32: the session id comes next."""
_SERVER_NAME = 0


def server_name(opening: bytes) -> str:
    """The name, "" when there is none, or the part of the ClientHello that holds it was not captured."""
    if len(opening) <= _RANDOM or opening[0] != 0x16 or opening[5] != 1:
        return ""
    try:
        at = _RANDOM + 1 + opening[_RANDOM]
        at += 2 + _U16(opening, at)[0]  # cipher suites
        at += 1 + opening[at]  # compression
        end = at + 2 + _U16(opening, at)[0]
        at += 2
        while at + 4 <= end:
            kind, size = _U16(opening, at)[0], _U16(opening, at + 2)[0]
            if kind == _SERVER_NAME:
                length = _U16(opening, at + 7)[0]
                name = opening[at + 9 : at + 9 + length]
                return name.decode("ascii").lower() if len(name) == length else ""
            at += 4 + size
    except (struct.error, IndexError, UnicodeDecodeError):
        pass
    return ""
