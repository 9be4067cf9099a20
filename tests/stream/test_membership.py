"""A group's partitions always have at most one holder, and in the end exactly one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from jikimi.stream.membership import Group
from jikimi.stream.port import TopicPartition

PARTITIONS = {"events": 8, "health": 3}


@dataclass(eq=False)
class Reader:
    topics: Sequence[str] = ("events", "health")
    woken: int = 0
    held: frozenset[TopicPartition] = field(default_factory=frozenset)

    def wake(self) -> None:
        self.woken += 1


def everything() -> set[TopicPartition]:
    return {TopicPartition(topic, n) for topic, count in PARTITIONS.items() for n in range(count)}


@given(st.lists(st.tuples(st.sampled_from(["join", "leave", "poll"]), st.integers(0, 4)), max_size=40))
def test_no_partition_ever_has_two_holders_and_none_is_forgotten(steps: list[tuple[str, int]]) -> None:
    group = Group(PARTITIONS)
    members: list[Reader] = []
    for step, which in steps:
        if step == "join":
            members.append(Reader())
            group.join(members[-1])
        elif members and step == "leave":
            group.leave(members.pop(which % len(members)))
        elif members:
            member = members[which % len(members)]
            member.held = group.settle(member)
        held = [source for member in members for source in member.held]
        assert len(held) == len(set(held))
    for _ in range(2):
        for member in members:
            member.held = group.settle(member)
    held = [source for member in members for source in member.held]
    assert sorted(held) == (sorted(everything()) if members else [])


def test_a_member_gets_a_partition_only_once_its_holder_let_go() -> None:
    group = Group(PARTITIONS)
    first, second = Reader(), Reader()
    group.join(first)
    assert group.settle(first) == everything()
    group.join(second)
    assert group.settle(second) == frozenset()
    kept = group.settle(first)
    assert group.settle(second) == everything() - kept


def test_members_are_woken_when_something_becomes_free() -> None:
    group = Group(PARTITIONS)
    first, second = Reader(), Reader()
    group.join(first)
    group.join(second)
    woken = second.woken
    group.leave(first)
    assert second.woken == woken + 1


def test_a_topic_is_shared_only_among_those_who_read_it() -> None:
    group = Group(PARTITIONS)
    both, events = Reader(), Reader(topics=("events",))
    group.join(both)
    group.join(events)
    assert {source for source in group.settle(both) if source.topic == "health"} == {
        TopicPartition("health", n) for n in range(3)
    }
