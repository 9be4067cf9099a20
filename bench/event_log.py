"""How fast the event log is. Behind `jikimi bench log`.

Ratios count, not the numbers: fsync and neighbours on the machine decide those.
"""

import asyncio
import os
import time
from pathlib import Path
from uuid import uuid4

from jikimi.stream.kafka import KafkaEventLog
from jikimi.stream.port import EventLog, NewRecord
from jikimi.stream.sqlite import SqliteEventLog

Figure = tuple[str, float, str]
"""(what, amount, unit)"""


async def measure(kafka: str | None, folder: Path, seconds: float) -> list[Figure]:
    """Of the broker at `kafka`, else of an embedded log in `folder`."""
    log: EventLog = await KafkaEventLog.connect(kafka) if kafka else SqliteEventLog.open(folder / "log")
    try:
        return await _figures(log, seconds)
    finally:
        await log.close()


async def _append_alone(log: EventLog, topic: str, seconds: float, writers: int, batch: int) -> int:
    """`writers` tasks, each waiting for its own append; how many records were stored."""
    stored = 0
    end = time.perf_counter() + seconds

    async def write(number: int) -> None:
        nonlocal stored
        records = [NewRecord(b"tenant-%d" % number, os.urandom(100))] * batch
        while time.perf_counter() < end:
            await log.append(topic, records)
            stored += batch

    await asyncio.gather(*(write(number) for number in range(writers)))
    return stored


async def _drain(log: EventLog, topic: str, count: int) -> tuple[float, int]:
    """(seconds from the first record on, bytes) of reading `count` records."""
    consumer = await log.consumer(f"bench-{uuid4().hex[:6]}", [topic])
    first = await consumer.poll(max_records=1, timeout=30.0)
    read, size = len(first), 0
    start = time.perf_counter()
    while read < count:
        records = await consumer.poll(max_records=10_000, timeout=30.0)
        read += len(records)
        size += sum(len(record.value) for record in records)
    spent = time.perf_counter() - start
    await consumer.close()
    return spent, size


async def _figures(log: EventLog, seconds: float) -> list[Figure]:
    found: list[Figure] = []
    small, blocks = f"small-{uuid4().hex[:6]}", f"blocks-{uuid4().hex[:6]}"
    stored = await _append_alone(log, small, seconds / 4, 8, 1)  # topics made, caches and JVM warm
    await log.append(blocks, [NewRecord(b"tenant", b"")])
    for writers, batch in ((1, 1), (64, 1), (64, 100)):
        got = await _append_alone(log, small, seconds, writers, batch)
        stored += got
        found.append((f"append, 100 B, {writers} writers, {batch} a call", got / seconds, "records/s"))
    spent, _ = await _drain(log, small, stored)
    found.append(("read, 100 B", stored / spent, "records/s"))
    block = NewRecord(b"tenant", os.urandom(60_000), {"envelope": b"{}"})
    count, start = 1, time.perf_counter()
    while time.perf_counter() - start < seconds:
        await asyncio.gather(*(log.append(blocks, [block]) for _ in range(32)))
        count += 32
    found.append(("append, 60 kB blocks, 32 at once", count * 0.06 / (time.perf_counter() - start), "MB/s"))
    spent, size = await _drain(log, blocks, count)
    found.append(("read, 60 kB blocks", size / 1e6 / spent, "MB/s"))
    return found
