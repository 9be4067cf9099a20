"""TCP sockets with their processes from `lsof -nP -iTCP -F pcLtTn`. Pure.

lsof(8), "OUTPUT FOR OTHER PROGRAMS": a line a field, the first character says which; a `p` line begins a process, an
`f` line a file of it.
"""

import socket
from collections.abc import Iterable, Iterator

from collectors.sources.listed_sockets import Owned
from collectors.sources.socket_watch import LISTEN, SYN_SENT, TIME_WAIT, Sock
from collectors.sources.who import Who

ESTABLISHED, CLOSE = 1, 7
_STATES = {"ESTABLISHED": ESTABLISHED, "SYN_SENT": SYN_SENT, "TIME_WAIT": TIME_WAIT, "LISTEN": LISTEN, "CLOSED": CLOSE}
OTHER = 8
"""The states of a connection that ends: still there."""


def owned(lines: Iterable[str]) -> Iterator[Owned]:
    """What is no TCP socket with an address is left out."""
    process: dict[str, str] = {}
    file: dict[str, str] = {}
    for line in lines:
        name, value = line[:1], line[1:].rstrip("\n")
        if name in "pf":
            yield from _sock(process, file)
            file = {}
        if name == "p":
            process = {"p": value}
        elif name in "cL":
            process[name] = value
        elif name == "T":
            key, _, told = value.partition("=")
            file[f"T{key}"] = told
        elif name:
            file[name] = value
    yield from _sock(process, file)


def _sock(process: dict[str, str], file: dict[str, str]) -> Iterator[Owned]:
    local, _, remote = file.get("n", "").partition("->")
    here, there = _end(local), _end(remote) if remote else ("", 0)
    if here is None or there is None or not process.get("p", "").isdigit():
        return
    family = socket.AF_INET6 if file.get("t") == "IPv6" else socket.AF_INET
    state = _STATES.get(file.get("TST", ""), OTHER)
    who = Who(int(process["p"]), process.get("c", ""), process.get("L", ""))
    yield Sock(family, state, *here, *there, 0, 0, b""), who


def _end(text: str) -> tuple[str, int] | None:
    """`192.0.2.1:443`, `[2001:db8::1]:443`, `*:22`."""
    address, _, port = text.rpartition(":")
    if not port.isdigit():
        return None
    return ("" if address == "*" else address.strip("[]")), int(port)
