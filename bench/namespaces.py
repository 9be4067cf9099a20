"""Two network namespaces joined by a cable that carries only what the trial sends; gone when it ends."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from jikimi.errors import Misconfigured

HERE, THERE = "192.0.2.1", "192.0.2.2"
"""Addresses of the watched machine and of its peer."""
_WITHIN = 20.0


class Cable(NamedTuple):
    """Names of the namespaces and of the link in each."""

    watched: str
    peer: str
    link: str = "jkbench0"
    far_link: str = "jkbench1"

    def inside(self, name: str, *command: str) -> list[str]:
        """The command that runs `command` in namespace `name`; nsenter leaves /sys and tracefs as they are."""
        return ["nsenter", f"--net=/run/netns/{name}", *command]


@contextmanager
def cable() -> Iterator[Cable]:
    """Raises Misconfigured where namespaces cannot be made."""
    joined = Cable(f"jkbw{os.getpid()}", f"jkbp{os.getpid()}")
    try:
        try:
            _make(joined)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            raise Misconfigured(f"no network namespaces can be made here: {said.strip()}; run as root") from error
        yield joined
    finally:
        for name in (joined.watched, joined.peer):
            with suppress(OSError, subprocess.SubprocessError):
                _ip("netns", "delete", name)


def _make(joined: Cable) -> None:
    for name in (joined.watched, joined.peer):
        _ip("netns", "add", name)
    ends = [
        (joined.watched, joined.link, HERE, "02:00:00:00:00:01"),
        (joined.peer, joined.far_link, THERE, "02:00:00:00:00:02"),
    ]
    far = ("type", "veth", "peer", "name", joined.far_link, "netns", joined.peer)
    _ip("link", "add", joined.link, "netns", joined.watched, *far)
    for name, link, address, mac in ends:
        _set(joined, name, "net/ipv6/conf/all/disable_ipv6", "1")
        _ip("-n", name, "link", "set", link, "address", mac, "arp", "off")
        _offload_off(joined, name, link)
        _ip("-n", name, "address", "add", f"{address}/24", "dev", link)
        for up in ("lo", link):
            _ip("-n", name, "link", "set", up, "up")
    for (name, link, _, _), (_, _, address, mac) in zip(ends, reversed(ends), strict=True):
        _ip("-n", name, "neigh", "replace", address, "lladdr", mac, "dev", link)
    for timeout in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
        _set(joined, joined.watched, f"net/netfilter/{timeout}", "5")


def _offload_off(joined: Cable, name: str, link: str) -> None:
    """A segment that the card would cut later looks like one packet to a capture."""
    with suppress(FileNotFoundError):
        subprocess.run(
            joined.inside(name, "ethtool", "-K", link, "tso", "off", "gso", "off", "gro", "off"),
            check=False,
            capture_output=True,
            timeout=_WITHIN,
        )
    _ip("-n", name, "link", "set", link, "gso_max_segs", "1")


def _set(joined: Cable, name: str, what: str, value: str) -> None:
    command = joined.inside(name, "sh", "-c", 'echo "$1" > "$0"', str(Path("/proc/sys", what)), value)
    subprocess.run(command, check=False, capture_output=True, timeout=_WITHIN)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=_WITHIN)
