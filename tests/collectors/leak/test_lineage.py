"""Who read protected documents and then wrote outside: strong for what nobody can read, weak alone."""

import pytest

from collectors.leak.lineage import READS, Lineage, Read, Written
from collectors.sources.who import NOBODY, Process, Who

SHELL, PARK, KIM = 50, "park", "kim"


def process(pid: int, parent: int, started: float = 0.0, user: str = PARK) -> Process:
    return Process(Who(pid, "/bin/x", user), "", parent, started)


TABLE = {
    100: process(100, SHELL, 10.0),
    101: process(101, SHELL, 10.2),
    102: process(102, SHELL, 500.0),
    200: process(200, 100, 11.0),
    300: process(300, 1, 0.0),
    400: process(400, 1, 0.0, KIM),
}


def lineage(*reads: int, at: float = 20.0) -> Lineage:
    known = Lineage(TABLE.get)
    for pid in reads:
        known.read(Read(f"/설계/{pid}.dwg", 5000, TABLE[pid].who, at))
    return known


def written(by: int, *, at: float = 21.0, size: int = 777, sealed: bool = True, examined: bool = True) -> Written:
    return Written(size, TABLE[by].who, at, sealed, examined)


@pytest.mark.parametrize(
    ("reader", "writer", "confidence"),
    [(100, 100, 85), (100, 101, 75), (100, 200, 75), (200, 100, 75), (100, 102, 40), (100, 300, 40)],
    ids=["same", "pipeline", "child", "parent", "same shell later", "same person"],
)
def test_an_unreadable_file_is_as_suspicious_as_its_writer_is_near_to_a_reader(
    reader: int, writer: int, confidence: int
) -> None:
    told = lineage(reader).of(written(writer))
    assert told is not None
    assert (told[0].confidence, told[1]) == (confidence, [f"/설계/{reader}.dwg"])


def test_another_person_s_reading_says_nothing() -> None:
    assert lineage(400).of(written(100)) is None


def test_readable_content_of_another_program_says_nothing_and_of_the_same_little() -> None:
    assert lineage(100).of(written(101, sealed=False)) is None
    told = lineage(100).of(written(100, sealed=False))
    assert told is not None
    assert told[0].confidence == 30


@pytest.mark.parametrize(
    ("at", "found"), [(20.0 - 4, True), (20.0 - 6, False), (20.0 + 599, True), (20.0 + 601, False)]
)
def test_a_reading_counts_ten_minutes_and_when_it_is_told_a_little_late(at: float, found: bool) -> None:
    assert (lineage(100).of(written(100, at=at)) is not None) is found


def test_a_file_of_the_same_size_that_could_not_be_examined_is_taken_for_a_copy() -> None:
    told = lineage(100).of(written(101, size=5000, sealed=False, examined=False))
    assert told is not None
    assert told[0].confidence == 80


def test_what_could_not_be_looked_at_says_less_than_what_was_and_is_unreadable() -> None:
    told = lineage(100).of(written(100, sealed=True, examined=False))
    assert told is not None
    assert told[0].confidence == 75
    assert "암호화" not in told[0].reason_ko
    assert lineage(100).of(written(102, sealed=True, examined=False)) is None


@pytest.mark.parametrize(("at", "confidence"), [(50.0, 40), (100.0, None)])
def test_where_nobody_knows_the_writer_a_reading_just_before_says_a_little(at: float, confidence: int | None) -> None:
    """On a file system without fanotify, and before a volume was watched."""
    told = lineage(100).of(Written(777, NOBODY, at, sealed=True, examined=True))
    assert (told[0].confidence if told else None) == confidence
    assert lineage(100).of(Written(777, NOBODY, 21.0, sealed=False, examined=True)) is None


def test_the_nearest_relation_leads() -> None:
    told = lineage(102, 100).of(written(100))
    assert told is not None
    assert told[0].document == "/설계/100.dwg"


def test_what_is_remembered_is_bounded() -> None:
    known = Lineage(TABLE.get)
    for number in range(READS + 10):
        known.read(Read(f"/설계/{number}.dwg", 5000, TABLE[100].who, 20.0))
    told = known.of(written(100))
    assert told is not None
    assert len(told[1]) == READS


def test_a_document_that_is_still_open_counts_all_day() -> None:
    """An editor holds it open and saves a locked copy hours later."""
    known = Lineage(TABLE.get)
    known.read(Read("/설계/1.dwg", 5000, TABLE[100].who, 20.0, still_open=True))
    told = known.of(written(100, at=20.0 + 5 * 3600))
    assert told is not None
    assert told[0].confidence == 85
    known.read(Read("/설계/1.dwg", 5000, TABLE[100].who, 30.0))
    assert known.of(written(100, at=20.0 + 5 * 3600)) is None


def test_of_many_documents_the_one_read_next_to_the_writing_leads() -> None:
    known = Lineage(TABLE.get)
    for number, at in enumerate((10.0, 20.0, 24.0)):
        known.read(Read(f"/설계/{number}.dwg", 5000, TABLE[100].who, at))
    told = known.of(written(100, at=20.5))
    assert told is not None
    assert told[0].document == "/설계/1.dwg"
