"""`tshark -z conv` as the truth about flows: one conversation a pair of ends, its packets and IP bytes."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

ETHERNET = 14
_LINE = re.compile(r"^(?P<a>[\d.]+):(?P<ap>\d+)\s+<->\s+(?P<b>[\d.]+):(?P<bp>\d+)\s+(?P<rest>.+)$", re.MULTILINE)
_UNITS = {"bytes": 1, "kB": 1000, "MB": 1_000_000}


class Conversation(NamedTuple):
    """Packets and IP bytes both ways together."""

    packets: int
    bytes: int


Ends = tuple[str, frozenset[tuple[str, int]]]
"""Protocol and both ends, whoever opened it."""


def conversations(capture: Path) -> dict[Ends, Conversation]:
    """From a capture of Ethernet frames. Raises CalledProcessError when tshark cannot read it."""
    found: dict[Ends, Conversation] = {}
    for protocol in ("tcp", "udp"):
        command = ["tshark", "-n", "-r", str(capture), "-q", "-z", f"conv,{protocol}"]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for line in _LINE.finditer(told):
            ends = frozenset({(line["a"], int(line["ap"])), (line["b"], int(line["bp"]))})
            packets, size = _total(line["rest"])
            found[protocol, ends] = Conversation(packets, size - ETHERNET * packets)
    return found


def _total(columns: str) -> tuple[int, int]:
    """The third pair of "frames bytes" columns: both directions."""
    words = columns.split()
    pairs: list[tuple[int, int]] = []
    at = 0
    while at + 1 < len(words) and len(pairs) < 3:
        frames, size = int(words[at]), int(words[at + 1].replace(",", ""))
        at += 2
        if at < len(words) and words[at] in _UNITS:
            size *= _UNITS[words[at]]
            at += 1
        pairs.append((frames, size))
    return pairs[2]
