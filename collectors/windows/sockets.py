"""The machine's TCP sockets by GetExtendedTcpTable of the IP helper, and the programs that own them."""

import ctypes
from collections.abc import Callable, Iterator
from ctypes import wintypes

from collectors.sources.listed_sockets import Owned
from collectors.sources.socket_watch import Sock
from collectors.windows.tcp_table import rows4, rows6
from collectors.windows.who import who

OWNER_PID_ALL = 5
ENOUGH, TOO_SMALL = 0, 122  # NO_ERROR, ERROR_INSUFFICIENT_BUFFER
IPV4, IPV6 = 2, 23
TRIES = 5

_iphlpapi = ctypes.WinDLL("iphlpapi")
_iphlpapi.GetExtendedTcpTable.argtypes = (
    ctypes.c_void_p,
    ctypes.POINTER(wintypes.DWORD),
    wintypes.BOOL,
    wintypes.ULONG,
    ctypes.c_int,
    wintypes.ULONG,
)
_iphlpapi.GetExtendedTcpTable.restype = wintypes.DWORD

Rows = Callable[[bytes], Iterator[tuple[Sock, int]]]


def owned_sockets() -> list[Owned]:
    """Raises OSError."""
    families: tuple[tuple[int, Rows], ...] = ((IPV4, rows4), (IPV6, rows6))
    return [(sock, who(pid)) for family, rows in families for sock, pid in rows(_table(family))]


def _table(family: int) -> bytes:
    """The table may grow between being measured and being copied."""
    size = wintypes.DWORD(0)
    for _ in range(TRIES):
        buffer = ctypes.create_string_buffer(size.value)
        result = _iphlpapi.GetExtendedTcpTable(buffer, size, False, family, OWNER_PID_ALL, 0)
        if result == ENOUGH:
            return buffer.raw
        if result != TOO_SMALL:
            raise ctypes.WinError(result)
    raise OSError("the list of TCP sockets grows faster than it can be read")
