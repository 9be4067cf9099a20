"""Which flow a fragment belongs to: only the first of a packet's fragments holds the ports, and it may come last."""

from typing import NamedTuple

from collectors.flows.packet import Packet

PATIENCE = 30 * 1_000_000_000
"""ns that a fragment waits for its first, and a first is remembered: identifications are used again."""

_MOST = 10_000

Placed = list[tuple[Packet, int]]
_Name = tuple[bytes, bytes, int | None]


class _First(NamedTuple):
    packet: Packet
    time: int


class Fragments:
    """Remembers first fragments, holds the others back until theirs came. Bounded."""

    def __init__(self) -> None:
        self._firsts: dict[_Name, _First] = {}
        self._waiting: dict[_Name, Placed] = {}
        self._held = 0
        self.unplaced = 0
        """Fragments given out without ports: their first never came, or too many waited."""

    def place(self, packet: Packet, time: int) -> Placed:
        """The packets, with their ports, that can be accounted now; [] while this one waits for its first."""
        name = (packet.source, packet.destination, packet.fragment)
        if packet.first:
            self._firsts.pop(name, None)
            if len(self._firsts) >= _MOST:
                self._firsts.pop(next(iter(self._firsts)))
            self._firsts[name] = _First(packet, time)
            held = self._waiting.pop(name, [])
            self._held -= len(held)
            return [(packet, time), *((_with(later, packet), at) for later, at in held)]
        first = self._firsts.get(name)
        if first is not None and time - first.time <= PATIENCE:
            return [(_with(packet, first.packet), time)]
        if self._held >= _MOST:
            self.unplaced += 1
            return [(packet, time)]
        self._waiting.setdefault(name, []).append((packet, time))
        self._held += 1
        return []

    def orphans(self, now: int) -> Placed:
        """Fragments that waited in vain, to be accounted without ports."""
        late = [name for name, held in self._waiting.items() if now - held[0][1] > PATIENCE]
        given = [placed for name in late for placed in self._waiting.pop(name)]
        self._held -= len(given)
        self.unplaced += len(given)
        return given


def _with(later: Packet, first: Packet) -> Packet:
    """IPv6: also the protocol, which stands behind further headers that only the first fragment holds."""
    return later._replace(
        protocol=first.protocol, source_port=first.source_port, destination_port=first.destination_port
    )
