"""Who of a consumer group holds which partition, inside one process.

A partition changes hands only after its holder let it go, which it does at its next poll or when it closes: by then it
has dealt with what it polled before. So two members never work on one partition at a time.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from jikimi.stream.port import TopicPartition


class Member(Protocol):
    """A consumer, as its group sees it."""

    @property
    def topics(self) -> Sequence[str]: ...

    def wake(self) -> None: ...


class Group:
    """Shares the partitions of each topic evenly among the members that read it. Thread-safe."""

    def __init__(self, partitions: Mapping[str, int]) -> None:
        """`partitions`: how many a topic has; looked up anew whenever a member joins."""
        self._partitions = partitions
        self._members: list[Member] = []
        self._holder: dict[TopicPartition, Member] = {}
        self._lock = threading.Lock()

    def join(self, member: Member) -> None:
        with self._lock:
            self._members.append(member)
        self._wake_all()

    def leave(self, member: Member) -> None:
        with self._lock:
            self._members.remove(member)
            self._holder = {source: holder for source, holder in self._holder.items() if holder is not member}
        self._wake_all()

    def settle(self, member: Member) -> frozenset[TopicPartition]:
        """Let go what now belongs to others, take what is free; returns everything `member` holds."""
        with self._lock:
            share = self._share(member)
            released = [s for s, holder in self._holder.items() if holder is member and s not in share]
            for source in released:
                del self._holder[source]
            for source in share:
                self._holder.setdefault(source, member)
            held = frozenset(source for source, holder in self._holder.items() if holder is member)
        if released:
            self._wake_all()
        return held

    def holds(self, member: Member, source: TopicPartition) -> bool:
        return self._holder.get(source) is member

    def _share(self, member: Member) -> set[TopicPartition]:
        share = set()
        for topic in member.topics:
            readers = [other for other in self._members if topic in other.topics]
            share |= {
                TopicPartition(topic, number)
                for number in range(self._partitions[topic])
                if readers[number % len(readers)] is member
            }
        return share

    def _wake_all(self) -> None:
        for member in list(self._members):
            member.wake()
