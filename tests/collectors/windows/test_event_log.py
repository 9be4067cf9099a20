"""The Windows event log followed live, with channels that stand in for EvtSubscribe."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from collectors.marks import MARK
from collectors.sources.feed import Feed
from collectors.sources.memory import Memory
from collectors.windows import event_log
from collectors.windows.audited import Audited
from collectors.windows.event_log import OLDEST, Absent, EventLog, Stale

ACCESS = """<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>
<Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4663</EventID><EventRecordID>{number}</EventRecordID>
<TimeCreated SystemTime='2026-03-02T01:02:03.4567890Z'/><Channel>Security</Channel><Computer>PC-03</Computer></System>
<EventData><Data Name='SubjectUserName'>kim</Data><Data Name='SubjectDomainName'>HANBIT</Data>
<Data Name='ObjectType'>File</Data><Data Name='ObjectName'>D:\\설계\\plan.docx</Data>
<Data Name='ProcessId'>0x1a2c</Data><Data Name='ProcessName'>C:\\Windows\\explorer.exe</Data>
<Data Name='AccessMask'>0x2</Data></EventData></Event>"""


@dataclass
class Log:
    """A channel of recorded events; its bookmark is the number of the last one read."""

    numbers: list[int]
    oldest: int = 0
    at: int = 0
    first: int = 0
    opened: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=lambda: {"Missing"})

    def open(self, channel: str, bookmark: str) -> "Log":
        self.opened.append(bookmark)
        if channel in self.missing:
            raise Absent(15007, "not found")
        if channel == "Forbidden":
            raise OSError(5, "Access is denied")
        if bookmark not in ("", OLDEST) and int(bookmark) < self.oldest:
            raise Stale(15011, "stale")
        if bookmark:
            self.at = 0 if bookmark == OLDEST else int(bookmark)
        else:
            self.at = max(self.numbers, default=0)
        self.first = self.at
        return self

    def events(self) -> Sequence[str]:
        new = [number for number in self.numbers if number > self.at]
        self.at = max([self.at, *new])
        return [ACCESS.format(number=number) for number in new]

    def bookmark(self) -> str:
        return str(self.at)

    def close(self) -> None:
        pass


def from_the_oldest(tmp_path: Path) -> Memory:
    memory = Memory(tmp_path / "m.json")
    memory.save({"bookmarks": {"Security": OLDEST}})
    return memory


def followed(
    log: Log, memory: Memory, *, kept: bool, channels: Sequence[str] = ("Security",), audited: Audited | None = None
) -> tuple[Feed, list[dict[str, Any]]]:
    """One run of the source; `kept` = everything told reaches the spool."""
    feed, stop = Feed("logs", "PC-03"), threading.Event()
    source = EventLog(memory, log.open, (audited or Audited()).heard, channels)
    ran = threading.Thread(target=source.run, args=(feed, stop))
    ran.start()
    while feed.state == "starting" or feed.seen < len([n for n in log.numbers if n > log.first]):
        time.sleep(0.01)
    stop.set()
    taken = feed.take(1000)
    found = [one.event for one in taken if one.logsource != MARK]
    if kept:
        feed.sent += sum(one.counted for one in taken)
    ran.join(10)
    return feed, found


def test_events_come_with_sigmas_names_and_their_own_time(tmp_path: Path) -> None:
    _, found = followed(Log([1]), from_the_oldest(tmp_path), kept=True)
    (event,) = [one for one in found if one.get("EventID")]
    assert (event["ObjectName"], event["SubjectUserName"]) == ("D:\\설계\\plan.docx", "kim")
    assert event["@timestamp"].startswith("2026-03-02T01:02:03.456789")


def test_a_bookmark_is_kept_once_the_events_before_it_are_in_the_spool(tmp_path: Path) -> None:
    memory = from_the_oldest(tmp_path)
    followed(Log([1, 2, 3]), memory, kept=True)
    assert memory.load() == {"bookmarks": {"Security": "3"}}


def test_a_crash_before_the_spool_has_them_reads_events_again(tmp_path: Path) -> None:
    memory = from_the_oldest(tmp_path)
    followed(Log([1, 2, 3]), memory, kept=False)
    assert memory.load() == {"bookmarks": {"Security": OLDEST}}


def test_what_comes_while_the_agent_is_away_is_read_also_when_nothing_came_before(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "m.json")
    followed(Log([1, 2]), memory, kept=True)
    _, found = followed(Log([1, 2, 3]), memory, kept=True)
    assert [str(event["EventRecordID"]) for event in found if event.get("EventID")] == ["3"]


def test_a_channel_that_comes_later_is_read_from_its_first_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "LOOK_AGAIN", 0.05)
    monkeypatch.setattr(event_log, "TICK", 0.01)
    log, feed, stop = Log([1], missing={"Security"}), Feed("logs", "PC-03"), threading.Event()
    ran = threading.Thread(
        target=EventLog(Memory(tmp_path / "m.json"), log.open, channels=("Security",)).run, args=(feed, stop)
    )
    ran.start()
    while not log.opened:
        time.sleep(0.01)
    log.missing.clear()
    end = time.monotonic() + 60
    while feed.seen < 1 and time.monotonic() < end:
        time.sleep(0.01)
    stop.set()
    found = [one.event for one in feed.take(9) if one.logsource != MARK]
    feed.sent += feed.seen
    ran.join(10)
    assert [event["EventID"] for event in found if event.get("EventID")] == [4663]


def test_reading_goes_on_after_the_bookmark(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "m.json")
    memory.save({"bookmarks": {"Security": "2"}})
    _, found = followed(Log([1, 2, 3]), memory, kept=True)
    assert [event["EventRecordID"] for event in found if event.get("EventID")] in ([3], ["3"])


def test_the_mark_in_the_spool_counts_where_the_memory_lags_behind(tmp_path: Path) -> None:
    memory, log = Memory(tmp_path / "m.json"), Log([1, 2, 3])
    memory.save({"bookmarks": {"Security": "1"}})
    feed, stop = Feed("logs", "PC-03", marks={"Security": "3"}), threading.Event()
    stop.set()
    EventLog(memory, log.open, channels=("Security",)).run(feed, stop)
    assert log.opened == ["3"]


def test_a_log_that_was_cleared_is_told_as_blind_and_followed_from_now_on(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "m.json")
    memory.save({"bookmarks": {"Security": "2"}})
    log = Log([], oldest=50)
    _, found = followed(log, memory, kept=True)
    assert [event["Kind"] for event in found if event.get("Kind") == "blind"] == ["blind"]
    assert log.opened == ["2", ""]


def test_a_channel_that_may_not_be_read_is_a_trouble_and_one_not_installed_is_none(tmp_path: Path) -> None:
    channels = ("Forbidden", "Missing", "Security")
    feed, _ = followed(Log([]), Memory(tmp_path / "m.json"), kept=True, channels=channels)
    assert feed.mode == "1 channels"
    assert feed.reason == "the channel Forbidden cannot be read (Access is denied)"


def test_the_audit_of_object_access_names_who_used_a_file(tmp_path: Path) -> None:
    audited = Audited()
    followed(Log([1]), from_the_oldest(tmp_path), kept=True, audited=audited)
    who = audited.who("d:\\설계\\PLAN.docx")
    assert (who.pid, who.image, who.user) == (0x1A2C, "C:\\Windows\\explorer.exe", "HANBIT\\kim")
    assert not audited.who("d:\\other").pid
