"""What was done to the agent itself is told, by itself."""

import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.sources.feed import Feed
from collectors.tamper import life
from collectors.tamper.source import Tamper

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=10)
AT_ONCE = threading.Event()
AT_ONCE.set()


class Computer:
    """Its clocks and its boot, and one state folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.boot = "boot-1"
        self.wall, self.counter = 1000.0, 10.0

    def tamper(self, last_alive: datetime | None = EARLIER) -> Tamper:
        files = [self.root / "settings.json", self.root / "credential.json"]
        return Tamper(
            self.root / "life.json",
            files,
            last_alive,
            clock=lambda: NOW,
            read_clocks=lambda: (self.wall, self.counter),
            boot=self.boot,
        )

    def live(self, *, ended: bool) -> list[dict[str, Any]]:
        """One life of the agent; what it told."""
        tamper, feed = self.tamper(), Feed("tamper", "pc-1", clock=lambda: NOW)
        tamper.run(feed, AT_ONCE)
        if ended:
            tamper.ended()
        return told(feed)


def told(feed: Feed) -> list[dict[str, Any]]:
    return [observation.event for observation in feed.take(100)]


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "credential.json").write_text("secret")
    return Computer(tmp_path)


def test_lives_that_end_in_order_tell_nothing(computer: Computer) -> None:
    assert [computer.live(ended=True) for _ in range(3)] == [[], [], []]


def test_after_a_kill_the_next_life_says_from_when_to_when(computer: Computer) -> None:
    computer.live(ended=False)
    (event,) = computer.live(ended=True)
    assert (event["Kind"], event["Collector"]) == ("killed", "agent")
    assert (event["From"], event["To"]) == ("2026-11-23T02:50:00.000000Z", "2026-11-23T03:00:00.000000Z")
    assert computer.live(ended=True) == []


def test_a_computer_that_lost_its_power_is_no_kill(computer: Computer) -> None:
    computer.live(ended=False)
    computer.boot = "boot-2"
    (event,) = computer.live(ended=True)
    assert event["Kind"] == "blind"


def test_where_no_boot_has_a_name_nobody_is_said_to_have_killed_it(computer: Computer) -> None:
    computer.boot = ""
    computer.live(ended=False)
    (event,) = computer.live(ended=True)
    assert event["Kind"] == "blind"
    assert "or the computer went off" in event["Reason"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_record_is_no_reason_not_to_start(computer: Computer, damage: bytes) -> None:
    (computer.root / "life.json").write_bytes(damage)
    assert computer.live(ended=True) == []


@pytest.mark.parametrize("running", [True, False])
def test_a_file_of_the_agent_that_somebody_else_changed_is_named_once(computer: Computer, running: bool) -> None:
    computer.live(ended=True)
    tamper, feed = computer.tamper(), Feed("tamper", "pc-1")
    if running:
        tamper.look(feed)
    (computer.root / "settings.json").write_text('{"protect": []}')
    (computer.root / "credential.json").unlink()
    tamper.look(feed)
    tamper.look(feed)
    assert [(event["Kind"], event["Path"], event["Reason"].split(",")[0]) for event in told(feed)] == [
        ("changed_by_hand", str(computer.root / "settings.json"), "settings.json was changed"),
        ("changed_by_hand", str(computer.root / "credential.json"), "credential.json was removed"),
    ]


def test_what_the_agent_writes_itself_is_no_change_by_hand(computer: Computer) -> None:
    tamper, feed = computer.tamper(), Feed("tamper", "pc-1")
    tamper.look(feed)
    path = computer.root / "settings.json"
    tamper.files.write(path, lambda: shutil.copy(computer.root / "credential.json", path))
    tamper.look(feed)
    assert told(feed) == []


@pytest.mark.parametrize("running", [True, False])
def test_a_clock_that_was_moved_is_told_with_how_far(computer: Computer, running: bool) -> None:
    """Also when it was moved while no agent ran, as long as the computer was not started anew."""
    computer.live(ended=True)
    if running:
        tamper, feed = computer.tamper(), Feed("tamper", "pc-1")
        computer.wall -= 7200
        tamper.look(feed)
        (event,) = told(feed)
    else:
        computer.wall -= 7200
        (event,) = computer.live(ended=True)
    assert (event["Kind"], event["MovedBySeconds"]) == ("clock_moved", -7200)


def test_a_new_boot_may_have_any_clock(computer: Computer) -> None:
    computer.live(ended=True)
    computer.boot, computer.wall, computer.counter = "boot-2", 99_000.0, 1.0
    assert computer.live(ended=True) == []


def test_a_clock_that_differs_from_the_centres_is_told_and_its_end_too(computer: Computer) -> None:
    tamper, feed = computer.tamper(), Feed("tamper", "pc-1")
    tamper.heard(NOW, NOW + timedelta(minutes=5))
    tamper.heard(NOW, NOW)
    tamper.look(feed)
    assert [event["AheadOfCentreSeconds"] for event in told(feed)] == [300, 0]


def test_the_record_holds_what_the_next_life_needs(computer: Computer) -> None:
    computer.live(ended=True)
    kept = life.read(computer.root / "life.json")
    assert kept is not None
    assert (kept.boot, kept.lead, kept.ended, set(kept.files)) == (
        "boot-1",
        990.0,
        True,
        {"settings.json", "credential.json"},
    )
