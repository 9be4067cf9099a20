"""MIB_TCPTABLE_OWNER_PID and MIB_TCP6TABLE_OWNER_PID (<tcpmib.h>): every TCP socket with its process. Pure.

https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcprow_owner_pid
"""

import socket
import struct
from collections.abc import Iterator
from typing import Any

from collectors.sources.socket_watch import LISTEN, SYN_SENT, TIME_WAIT, Sock

_COUNT = struct.Struct("<I")
_ROW4 = struct.Struct("<I4sI4sII")  # state, local, local port, remote, remote port, pid
_ROW6 = struct.Struct("<16sII16sIIII")  # local, scope, port, remote, scope, port, state, pid
ESTABLISHED, CLOSE = 1, 7
_STATES = {2: LISTEN, 3: SYN_SENT, 4: 3, 5: ESTABLISHED, 6: 4, 7: 5, 8: 8, 9: 11, 10: 9, 11: TIME_WAIT}
"""MIB_TCP_STATE → Linux's numbers."""


def rows4(table: bytes) -> Iterator[tuple[Sock, int]]:
    """(socket, process id). Raises ValueError for a table shorter than it says."""
    for state, local, local_port, remote, remote_port, pid in _rows(table, _ROW4):
        yield _sock(socket.AF_INET, state, local, local_port, remote, remote_port), pid


def rows6(table: bytes) -> Iterator[tuple[Sock, int]]:
    """The same for IPv6; IPv4 inside it is shown as IPv4."""
    for local, _, local_port, remote, _, remote_port, state, pid in _rows(table, _ROW6):
        yield _sock(socket.AF_INET6, state, local, local_port, remote, remote_port), pid


def _rows(table: bytes, row: struct.Struct) -> Iterator[tuple[Any, ...]]:
    (count,) = _COUNT.unpack_from(table)
    end = _COUNT.size + count * row.size
    if len(table) < end:
        raise ValueError(f"{count} rows need {end} bytes, the table has {len(table)}")
    return row.iter_unpack(table[_COUNT.size : end])


def _sock(family: int, state: int, local: bytes, local_port: int, remote: bytes, remote_port: int) -> Sock:
    ports = (_port(local_port), _port(remote_port))
    return Sock(
        family, _STATES.get(state, CLOSE), _text(family, local), ports[0], _text(family, remote), ports[1], 0, 0, b""
    )


def _port(raw: int) -> int:
    """The lower 16 bits, in network order."""
    return int.from_bytes((raw & 0xFFFF).to_bytes(2, "little"))


def _text(family: int, raw: bytes) -> str:
    text = socket.inet_ntop(family, raw)
    return text.removeprefix("::ffff:") if text.startswith("::ffff:") and "." in text else text
