"""Host names by address, from DNS answers and TLS openings that this machine saw."""

from collections.abc import Callable

REMEMBERED = 8192


class Names:
    """For all threads: one writes, others read. A name from a TLS opening is that of exactly one connection, one from
    DNS is the last that was answered with the address."""

    def __init__(self) -> None:
        self.catch_up: Callable[[], None] = _nothing
        """Takes in the packets that wait; whoever is about to ask for a name calls it first."""
        self._answered: dict[bytes, str] = {}
        self._opened: dict[bytes, str] = {}

    def answered(self, address: bytes, name: str) -> None:
        _keep(self._answered, address, name)

    def opened(self, source: bytes, destination: bytes, ports: bytes, name: str) -> None:
        _keep(self._opened, source + destination + ports, name)

    def of(self, source: bytes, destination: bytes, ports: bytes) -> str:
        """The name the flow's destination was called by, "" when unknown."""
        return self._opened.get(source + destination + ports) or self._answered.get(destination, "")


def _nothing() -> None:
    pass


def _keep(memory: dict[bytes, str], key: bytes, name: str) -> None:
    memory.pop(key, None)
    memory[key] = name
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
