"""Whether this machine's sockets wait for answers that do not come: the kernel counts the SYNs they had to repeat."""

from pathlib import Path

NETSTAT = Path("/proc/net/netstat")
_COUNTER = "TCPSynRetrans"


def repeated_openings(netstat: Path = NETSTAT) -> int | None:
    """Of this network namespace since it began (IPv4 and IPv6 together); None where the kernel does not tell."""
    try:
        lines = netstat.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        if _COUNTER in (told := dict(zip(names.split(), values.split(), strict=False))):
            return int(told[_COUNTER])
    return None
