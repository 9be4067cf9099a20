"""Which IP addresses are this machine's, to tell who opened a connection."""

import ipaddress
import re
import time
from contextlib import suppress
from pathlib import Path

KEPT = 10.0
_LOCAL = re.compile(r"(\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL")


class Addresses:
    """Read from /proc/net, again after `KEPT` seconds."""

    def __init__(self, net: Path = Path("/proc/net")) -> None:
        self._net = net
        self._known: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    def local(self, address: str) -> bool:
        """Loopback counts as local."""
        if address.startswith("127.") or address == "::1":
            return True
        if time.monotonic() - self._read_at > KEPT:
            self._known, self._read_at = self._read(), time.monotonic()
        return address in self._known

    def _read(self) -> frozenset[str]:
        found = set()
        with suppress(OSError):
            found.update(_LOCAL.findall((self._net / "fib_trie").read_text()))
        with suppress(OSError):
            for line in (self._net / "if_inet6").read_text().splitlines():
                found.add(str(ipaddress.IPv6Address(int(line.split()[0], 16))))
        return frozenset(found)
