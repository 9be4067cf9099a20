"""Exporters number what they send: what is missing was lost on the way, before anybody here could count it.

NetFlow v5 and IPFIX number flow records, v9 datagrams (RFC 3954, section 5.1; RFC 7011, section 3.1). Exporters do not
all keep to it (softflowd's IPFIX counts its own flows in, NetFlow v9 of others counts records), so what one counts is
learnt from what it sends.
"""

import enum
from collections import OrderedDict
from typing import NamedTuple

MOST = 4096
"""Exporters and domains that are followed."""

_MODULUS = 1 << 32
_NEW_BEGINNING = 1 << 20
"""A step further than this, or back, is a new beginning and no loss."""
_LATE = 64
"""Datagrams: one that is no more than so many back was overtaken on the way."""


class Counts(enum.Enum):
    """What the number of a datagram counts."""

    DATAGRAMS = enum.auto()
    RECORDS_BEFORE = enum.auto()
    """All records of the datagrams before it."""
    FLOWS_BEFORE = enum.auto()
    """The same without records about the exporter itself."""
    FLOWS_WITH_ITS_OWN = enum.auto()


class Sent(NamedTuple):
    """What one datagram holds: all its records, and those of flows."""

    records: int
    flows: int


class _Last(NamedTuple):
    number: int
    sent: Sent | None
    counts: Counts
    doubt: Counts | None = None
    """What it may count instead: by that alone a step missed nothing."""
    doubted: int = 0
    """How many are missing if it does not."""


class Sequences:
    """Without I/O: numbers in, what is missing out."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, int, int], _Last] = OrderedDict()

    def missing(self, key: tuple[str, int, int], number: int, sent: Sent | None, counts: Counts) -> int:
        """How many did not come between the datagram before and this one, which is numbered `number` and holds `sent`
        (None: nobody can tell); below 0 when one comes late that was counted as missing. `counts`: by the standard.
        """
        last = self._last.pop(key, _Last(number, None, counts))
        step = (number - last.number) % _MODULUS
        one = 1 if last.counts is Counts.DATAGRAMS else sent.records if sent else 1
        if 0 < _MODULUS - step <= _LATE * max(one, 1):
            self._keep(key, last)
            return -one
        steps = _steps(last.sent, sent)
        usual = steps.get(last.counts)
        missing = 0 if usual is None or step > _NEW_BEGINNING else max(step - usual, 0)
        if not missing and last.doubt is not None and steps.get(last.doubt) == step:
            self._keep(key, _Last(number, sent, last.counts, last.doubt, last.doubted))  # says nothing of the doubt
            return 0
        other = next((one for one in steps if steps[one] == step), None) if missing else None
        if other is None:
            self._keep(key, _Last(number, sent, last.counts))
            return last.doubted + missing
        if other is last.doubt:
            self._keep(key, _Last(number, sent, other))
            return 0
        self._keep(key, _Last(number, sent, last.counts, other, last.doubted + missing))
        return 0

    def _keep(self, key: tuple[str, int, int], last: _Last) -> None:
        self._last[key] = last
        if len(self._last) > MOST:
            self._last.popitem(last=False)


def _steps(before: Sent | None, now: Sent | None) -> dict[Counts, int]:
    """How far the number moves on from a datagram to the next when none is lost, by what it counts."""
    steps: dict[Counts, int] = {}
    if before is not None:
        steps |= {Counts.RECORDS_BEFORE: before.records, Counts.FLOWS_BEFORE: before.flows}
    if now is not None:
        steps[Counts.FLOWS_WITH_ITS_OWN] = now.flows
    return {**steps, Counts.DATAGRAMS: 1}
