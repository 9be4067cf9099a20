"""On which interfaces the kernel itself cuts what it sends into packets.

Mostly the network card does (TSO), behind everything that looks at packets on this computer. Where it does not, packets
are cut behind connection tracking, but before a capture sees them.
"""

import ctypes
import fcntl
import socket
import struct
from contextlib import suppress

from collectors.sources.netlink import Netlink, attributes

_ROUTE = 0
_GET_ADDRESSES, _ADDRESS_MESSAGE = 22, struct.Struct("=BBBBI")
_ADDRESS, _LOCAL = 1, 2
_ETHTOOL, _GET_TSO = 0x8946, 0x1E


def cut_by_the_kernel() -> frozenset[bytes]:
    """This computer's addresses, packed, on interfaces without TSO; none where that cannot be told."""
    cut = {number for number, name in socket.if_nameindex() if not _cuts(name)}
    found: set[bytes] = set()
    with suppress(OSError), Netlink(_ROUTE) as ask:
        for answer in ask.dump(_GET_ADDRESSES, _ADDRESS_MESSAGE.pack(0, 0, 0, 0, 0)):
            told = attributes(answer.body, _ADDRESS_MESSAGE.size)
            address = told.get(_LOCAL) or told.get(_ADDRESS)
            if address and _ADDRESS_MESSAGE.unpack_from(answer.body)[4] in cut:
                found.add(address)
    return frozenset(found)


def _cuts(interface: str) -> bool:
    """Whether the network card does it; True also where nobody can tell (<linux/ethtool.h>, struct ethtool_value)."""
    value = ctypes.create_string_buffer(struct.pack("=II", _GET_TSO, 1), 8)
    request = struct.pack("16sP", interface.encode()[:15], ctypes.addressof(value)).ljust(40, b"\0")
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        fcntl.ioctl(asked, _ETHTOOL, request)
    return bool(struct.unpack("=II", value.raw)[1])
