"""Which flow a fragment belongs to: only the first of a packet's fragments holds the ports, and it may come last."""

from collectors.flows.packet import Packet

PATIENCE = 30 * 1_000_000_000
"""ns that a fragment waits for its first."""

_MOST = 10_000

Placed = list[tuple[Packet, int]]


class Fragments:
    """Remembers the ports of first fragments, holds the others back until theirs came. Bounded."""

    def __init__(self) -> None:
        self._ports: dict[tuple[bytes, bytes, int, int | None], tuple[int, int]] = {}
        self._waiting: dict[tuple[bytes, bytes, int, int | None], Placed] = {}
        self._held = 0

    def place(self, packet: Packet, time: int) -> Placed:
        """The packets, with their ports, that can be accounted now; [] while this one waits for its first."""
        of = (*packet[:3], packet.fragment)
        if packet.first:
            if len(self._ports) >= _MOST:
                self._ports.pop(next(iter(self._ports)))
            self._ports[of] = (packet.source_port, packet.destination_port)
            held = self._waiting.pop(of, [])
            self._held -= len(held)
            return [(packet, time), *((_with(later, packet), at) for later, at in held)]
        if (ports := self._ports.get(of)) is not None:
            return [(packet._replace(source_port=ports[0], destination_port=ports[1]), time)]
        if self._held >= _MOST:
            return [(packet, time)]
        self._waiting.setdefault(of, []).append((packet, time))
        self._held += 1
        return []

    def orphans(self, now: int) -> Placed:
        """Fragments that waited in vain, to be accounted without ports."""
        late = [of for of, held in self._waiting.items() if now - held[0][1] > PATIENCE]
        given = [placed for of in late for placed in self._waiting.pop(of)]
        self._held -= len(given)
        return given


def _with(later: Packet, first: Packet) -> Packet:
    return later._replace(source_port=first.source_port, destination_port=first.destination_port)
