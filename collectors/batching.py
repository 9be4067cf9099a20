"""Events cut into batches of the agreed size, numbered without a hole."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from jikimi.domain.event import MAX_BATCH_BYTES, Envelope, EventBatch
from jikimi.domain.logsource import LogSource

MAX_BATCH_EVENTS = 5_000


def chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines in order, in lists whose block has at most MAX_BATCH_BYTES and MAX_BATCH_EVENTS.

    A line that alone is larger makes a list of its own.
    """
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        grown = size + len(line) + 1
        if chunk and (grown > MAX_BATCH_BYTES or len(chunk) == MAX_BATCH_EVENTS):
            yield chunk
            chunk, grown = [], len(line) + 1
        chunk.append(line)
        size = grown
    if chunk:
        yield chunk


class Numbering:
    """The sequence numbers of one epoch, from 1 on. `next` is set back when a batch was made in vain."""

    def __init__(self, agent_id: str, epoch: str) -> None:
        self._agent_id = agent_id
        self._epoch = epoch
        self.next = 1

    def batch(self, logsource: LogSource, lines: list[bytes], now: datetime) -> EventBatch:
        """The next batch; its numbers are used up."""
        envelope = Envelope(
            agent_id=self._agent_id,
            epoch=self._epoch,
            first_seq=self.next,
            count=len(lines),
            logsource=logsource,
            sent_at=now,
        )
        self.next += len(lines)
        return EventBatch(envelope, b"\n".join(lines) + b"\n")
