"""Tests of one value that are no plain text: wildcards, regular expressions, addresses, numbers, times.

Asked only when a rule comes down to them.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

from detectors.sigma.glob import glob
from detectors.sigma.regex import compile_regex
from detectors.sigma.tree import Cidr, Compare, Part, Regex, Test, Text
from detectors.sigma.values import as_number, time_part

Check: TypeAlias = Callable[[str], bool]
"""Does the test hold for this text?"""


def check_of(test: Test) -> Check:
    """Raises TypeError for a test that is not of one value."""
    if isinstance(test, Text):
        return _fits(test)
    if isinstance(test, Regex):
        return _searched(test.pattern)
    if isinstance(test, Cidr):
        return inside([test.network])
    if isinstance(test, Part):
        return lambda text: time_part(text, test.part) == test.number
    if isinstance(test, Compare):
        return _compare(test)
    raise TypeError(f"{type(test).__name__} is not a test of one value")


def found_by(patterns: Sequence[str]) -> Check:
    """Is one of these regular expressions found? One look in place of many."""
    try:
        return _searched("|".join(f"(?:{pattern})" for pattern in patterns))
    except ValueError:  # too large to be one
        checks = [_searched(pattern) for pattern in patterns]
        return lambda text: any(check(text) for check in checks)


def _fits(test: Text) -> Check:
    if test.cased:
        return glob(test.pattern)
    fits = glob(tuple(part.casefold() if isinstance(part, str) else part for part in test.pattern))
    return lambda text: fits(text.casefold())


def _searched(pattern: str) -> Check:
    search = compile_regex(pattern).search

    def found(text: str) -> bool:
        try:
            return search(text) is not None
        except UnicodeEncodeError:  # half of a surrogate pair, which is no character
            return search(text.encode("utf-8", "replace").decode()) is not None

    return found


def inside(networks: Sequence[str]) -> Check:
    """Is the text an address of one of these networks?"""
    by_length: dict[tuple[int, int], set[int]] = {}
    for network in map(ip_network, networks):
        shift = network.max_prefixlen - network.prefixlen
        by_length.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)

    def found(text: str) -> bool:
        return any(
            address.version == version and int(address) >> shift in started
            for address in _addresses(text)
            for (version, shift), started in by_length.items()
        )

    return found


@lru_cache(1_000)
def _addresses(text: str) -> tuple[IPv4Address | IPv6Address, ...]:
    """The address a text writes, and the IPv4 address that it maps."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ()
    mapped = getattr(address, "ipv4_mapped", None)
    return (address,) if mapped is None else (address, mapped)


def _compare(test: Compare) -> Check:
    holds: dict[str, Callable[[float], bool]] = {
        "lt": lambda n: n < test.number,
        "lte": lambda n: n <= test.number,
        "gt": lambda n: n > test.number,
        "gte": lambda n: n >= test.number,
    }
    in_order = holds[test.order]
    part = test.part

    def compared(text: str) -> bool:
        number = as_number(text) if part is None else time_part(text, part)
        return number is not None and in_order(number)

    return compared
