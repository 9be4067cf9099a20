"""Which tracked TCP flows are over and told, and which still wait for their counters.

The kernel tells a flow's last FIN or RST without counters, which are asked for up to a second later. By then a new
connection may have the same addresses and ports: the kernel then threw the old flow out, and told its counters with its
end. Only their beginning tells the two apart: the new one mostly has the old one's id too.
"""

import time
from collections.abc import Callable

from collectors.sources.conntrack import Entry
from collectors.sources.flow_event import NANOSECONDS
from collectors.sources.remembered import Remembered

REMEMBERED = 130.0
"""Seconds within which a flow that was told may be heard of again: a RST after the FIN, and its end, which the kernel
tells when its ports are used anew, up to 120 s later (nf_conntrack_tcp_timeout_time_wait)."""
JUST_NOW = 5.0
"""Seconds since a flow was thrown out; what the kernel gave up in its own time is older once it is not remembered."""
_63_BITS = (1 << 63) - 1
END_COMES_WITHIN = 5.0
"""Seconds within which the kernel tells the end of a flow that it no longer has."""


class Over:
    """Messages in the kernel's order: `closed` and `forgotten`; then `answered` for what was asked for. Without I/O.

    A question is what `conntrack.question` makes of a message: it names addresses, ports and protocol.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, calendar: Callable[[], float] = time.time) -> None:
        """`calendar`: seconds since 1970, as the kernel's own times."""
        self._clock = clock
        self._calendar = calendar
        self._told = Remembered(REMEMBERED)
        self.waiting: dict[bytes, float] = {}
        """Questions for counters, and since when."""

    def closed(self, question: bytes) -> None:
        """A flow's last FIN or RST was told, without counters."""
        self.waiting.setdefault(question, self._clock())

    def forgotten(self, question: bytes, entry: Entry) -> bool:
        """The kernel has the flow no longer and told its counters: whether they are news."""
        waited = self.waiting.pop(question, None) is not None
        just_now = self._calendar() - entry.stop / NANOSECONDS < JUST_NOW
        return (waited or just_now) and self.is_news(entry)

    def answered(self, question: bytes, entry: Entry) -> bool:
        """The kernel has the flow, with these counters: whether they are one's that is over and was not told."""
        if not entry.over:
            return False  # a new one on the same ports: the old one's end is on its way
        self.waiting.pop(question, None)
        return self.is_news(entry)

    def is_news(self, entry: Entry) -> bool:
        """Whether this flow was not told before; from now on it was."""
        name = hash((entry.source, entry.destination, entry.ports, entry.start))  # smaller than what it names
        return self._told.add(name & _63_BITS, self._clock())

    def give_up(self) -> int:
        """Flows that were over and of which the kernel told nothing more."""
        now = self._clock()
        late = [question for question, since in self.waiting.items() if now - since > END_COMES_WITHIN]
        for question in late:
            del self.waiting[question]
        return len(late)
