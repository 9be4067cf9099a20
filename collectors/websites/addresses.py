"""Which addresses a centre may be made to ask: those of the public Internet. Companies name the sites, name servers
answer as they like, so every connection goes to an address that was judged, never to a name.
"""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor

_LOOKUPS_AT_ONCE = 32
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


class Unreachable(Exception):
    """Why there was no usable answer, in one sentence."""


class Addresses:
    """`private` allows addresses inside the centre's own network (trials).

    Names are looked up in threads of its own: a slow name server must not hold what else the centre does in threads.
    """

    def __init__(self, *, private: bool = False) -> None:
        self._private = private
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, "site-names")

    async def of(self, host: str) -> list[str]:
        """Where `host` (name or address) may be asked, IPv4 first. Raises Unreachable when one leads inside."""
        look_up = asyncio.get_running_loop().run_in_executor
        try:
            answers = await look_up(self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:  # ValueError: no name at all (IDNA, NUL)
            raise Unreachable(f"the name {host} cannot be found ({error})") from error
        found = [str(answer[4][0]) for answer in sorted(answers, key=lambda answer: answer[0] != socket.AF_INET)]
        if not self._private and not all(map(is_public, found)):
            raise Unreachable(f"{host} leads to an address inside a network, which is not asked")
        return list(dict.fromkeys(found))


def is_public(text: str) -> bool:
    """Whether this IPv4 or IPv6 address, and the IPv4 address that a gateway would take out of it, is a public one."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in _NAT64 or address in _COMPATIBLE:
            within = ipaddress.IPv4Address(address.packed[-4:])
        if within is not None:
            return is_public(str(within))
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast
