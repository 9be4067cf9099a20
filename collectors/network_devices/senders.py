"""What each device sent, counted: a device that falls silent or is not understood must be seen. Without I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST = 1000
"""Senders counted one by one; further ones are counted together, as `others`."""

OTHERS = "others"


@dataclass(slots=True)
class Count:
    """`seen` messages or flow records, `cut` of which only the beginning is known, `refused` from who may not send,
    `missing` by the exporter's own numbers (below 0: more came late than was missed since)."""

    seen: int = 0
    cut: int = 0
    malformed: int = 0
    without_template: int = 0
    waiting: int = 0
    not_flows: int = 0
    missing: int = 0
    refused: int = 0
    crowded: int = 0
    no_handshake: int = 0
    no_handshake_why: str = ""
    """Of the last."""


class Senders:
    """Counts by sender since each last told."""

    def __init__(self) -> None:
        self._counts: dict[str, Count] = {}

    def of(self, sender: str) -> Count:
        if sender not in self._counts and len(self._counts) >= MOST:
            sender = OTHERS
        return self._counts.setdefault(sender, Count())

    def told(self) -> Iterator[dict[str, Any]]:
        """The fields of an `agent_health` event for each sender heard since the last time; counting begins anew."""
        counts, self._counts = self._counts, {}
        for sender, count in counts.items():
            lost = sum(_reasons(count).values())
            yield {
                "Sender": sender,
                "Seen": count.seen,
                "Dropped": lost or None,
                "Reason": _words(count),
            }


def _reasons(count: Count) -> dict[str, int]:
    return {
        "not heard: not in `senders`": count.refused,
        "connections refused: too many of this sender, or of all": count.crowded,
        "cut: longer than is read, or the connection ended within": count.cut,
        "malformed": count.malformed,
        "sets of flow records whose template did not come": count.without_template,
        "lost on the way, by the exporter's own numbers": max(count.missing, 0),
        f"connections without a TLS handshake that succeeds (last: {count.no_handshake_why})": count.no_handshake,
    }


def _words(count: Count) -> str:
    told = {
        **_reasons(count),
        "sets of flow records that wait for their template": count.waiting,
        "records of other things than IP flows, passed over": count.not_flows,
    }
    return "; ".join(f"{number} {what}" for what, number in told.items() if number)
