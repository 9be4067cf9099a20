"""The peer in an audit SOCKADDR record.

`saddr`, the bytes of a struct sockaddr in hexadecimal (socket(7), ip(7), ipv6(7)).
"""

import re
from ipaddress import ip_address

from jikimi.domain.event import Event

_INET, _INET6 = 2, 10
_INTERPRETED = re.compile(r"(?:laddr|addr)=([0-9A-Fa-f.:]+)\s+(?:lport|port)=(\d{1,5})")


def address_of(event: Event) -> tuple[str, int] | None:
    """(address, port) of an IPv4 or IPv6 peer; None for a local socket or damage."""
    saddr = event.get("saddr")
    if not isinstance(saddr, str):
        return None
    told = event.get("SADDR") if not re.fullmatch(r"[0-9A-Fa-f]+", saddr) else None
    if (written := _INTERPRETED.search(f"{saddr} {told or ''}")) is not None:
        return _checked(written[1], int(written[2]))
    try:
        raw = bytes.fromhex(saddr)
    except ValueError:
        return None
    family = int.from_bytes(raw[:2], "little")
    port = int.from_bytes(raw[2:4])
    if family == _INET and len(raw) >= 8:
        return str(ip_address(raw[4:8])), port
    if family == _INET6 and len(raw) >= 24:
        return str(ip_address(raw[8:24])), port
    return None


def _checked(address: str, port: int) -> tuple[str, int] | None:
    try:
        return str(ip_address(address)), port
    except ValueError:
        return None
