"""The event log: a narrow port with two implementations, `sqlite` (embedded) and `kafka` (Apache Kafka).

A *record* is appended to a partition of a *topic* and gets the next *offset* there. A *consumer* of a *group* is
given partitions, polls records in order, and says where it got. The group's stored offset is only a hint for the next
start: exactly-once effects come from the consumer's own database transaction (see jikimi.storage.progress), which is
why `Consumer.seek` exists.

tests/contracts/test_event_log.py holds both implementations to this text.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

EVENTS = "events"
"""Topic of event batches: key = tenant id, value = NDJSON block, headers = {"envelope": envelope JSON}."""

MAX_RECORD_BYTES = 4 * 1024 * 1024
"""Key, value and headers of one record together; a larger one is refused (Poison)."""


class NewRecord(NamedTuple):
    """What a producer hands in. Records of one key keep their order (one key, one partition)."""

    key: bytes
    value: bytes
    headers: Mapping[str, bytes] = {}


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class Record(NamedTuple):
    """What a consumer gets. `appended_at` is aware UTC, millisecond precision."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Mapping[str, bytes]
    appended_at: datetime

    @property
    def source(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


class Consumer(Protocol):
    """One member of a consumer group. Not safe for concurrent use by several tasks.

    A partition leaves a member only inside its `poll`, so commit what was polled before polling again. It goes on, with
    whoever holds it then, from the offset the group committed; a partition that stays may do the same, so what was
    polled and not committed can come again.
    """

    async def poll(self, *, max_records: int, timeout: float) -> list[Record]:
        """Records in offset order a partition, waiting at most `timeout` seconds for the first; [] when none came.

        May raise Transient (try again). Records that retention removed are skipped and counted in `skipped`.
        """
        ...

    def assigned(self) -> frozenset[TopicPartition]:
        """The partitions this member holds now; may change across `poll` calls."""
        ...

    async def seek(self, source: TopicPartition, offset: int) -> None:
        """The next `poll` reads `source` from `offset`; from the oldest record when `offset` lies beyond the end.

        Raises Fenced when this member does not hold `source`.
        """
        ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store, for the group, the offset of the next record to read.

        Raises Fenced when this member no longer holds one of the partitions: nothing is stored then.
        """
        ...

    async def lag(self) -> dict[TopicPartition, int]:
        """Records not yet polled, a partition held."""
        ...

    @property
    def skipped(self) -> int:
        """Records that retention removed before this member read them."""
        ...

    async def close(self) -> None:
        """Leave the group; nothing is committed implicitly."""
        ...


class EventLog(Protocol):
    """Append durably, read by group."""

    async def append(self, topic: str, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        """(partition, offset) of each record, returned only when all are durable.

        Raises Transient when the log cannot take them now (disk full, broker away): nothing may be assumed stored.
        Raises Poison for a record larger than MAX_RECORD_BYTES: nothing is stored.
        """
        ...

    async def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        """Join `group`. A group that never committed starts at the oldest record."""
        ...

    async def lag(self, group: str, topic: str) -> dict[int, int]:
        """Records between the group's committed offset and the end, a partition."""
        ...

    async def close(self) -> None:
        """Stop intake, drain, close."""
        ...
