"""This computer's logs as events, live."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from collectors.marks import MARK, marked
from collectors.settings import LogSettings
from collectors.sources import log_files, logs
from collectors.sources.feed import Feed
from collectors.sources.logs import Logs
from collectors.sources.memory import Memory
from jikimi.domain.logsource import AGENT_HEALTH
from tests.collectors.logs.test_ipp import RECORDED

REMOTE = next((path for path in ("/lib/systemd/systemd-journal-remote",) if Path(path).exists()), "")
FAILED = "Nov 22 03:00:00 web-1 sshd[77]: Failed password for root from 203.0.113.9 port 4711 ssh2\n"
ACCESS = '203.0.113.9 - - [22/Nov/2026:03:00:00 +0000] "GET /wp-login.php HTTP/1.1" 404 12 "-" "curl/8"\n'


class Run:
    """A source at work, whose feed is emptied into a spool that a test may hold up."""

    def __init__(self, source: Logs, before: "Run | None" = None) -> None:
        self.feed = Feed("logs", "web-1", marks=before.marks if before else None)
        self.marks: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        self.health: list[dict[str, Any]] = []
        self.spooling = True
        self._stop = threading.Event()
        self._source = source
        self._thread = threading.Thread(target=source.run, args=(self.feed, self._stop))
        self._spool = threading.Thread(target=self._take)

    def start(self) -> None:
        self._thread.start()
        self._spool.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._spool.join()

    def _take(self) -> None:
        while self._thread.is_alive() or len(self.feed):
            for one in self.feed.take(1000) if self.spooling else []:
                if one.logsource == MARK:
                    key, place = marked(one.line)
                    self.marks[key.removeprefix("logs\n")] = place
                elif one.logsource == AGENT_HEALTH:
                    self.health.append(one.event)
                else:
                    self.events.append(one.event)
                    self.feed.sent += 1
            if not self.spooling and not self._thread.is_alive():
                return
            time.sleep(0.01)

    def until(self, count: int) -> list[dict[str, Any]]:
        end = time.monotonic() + 60
        while len(self.events) < count:
            assert time.monotonic() < end, f"waited in vain; saw {self.events}, {self.health}"
            time.sleep(0.02)
        return self.events


@contextmanager
def running(source: Logs, before: Run | None = None) -> Iterator[Run]:
    run = Run(source, before)
    run.start()
    try:
        yield run
    finally:
        run.stop()


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not this machine's own logs, and quickly."""
    monkeypatch.setattr(log_files, "SYSTEM", ())
    monkeypatch.setattr(log_files, "SERVERS", ())
    monkeypatch.setattr(logs, "TICK", 0.02)
    monkeypatch.setattr(logs, "SAVE_AFTER", 0.05)
    monkeypatch.setattr(logs, "LOOK_AFTER", 0.05)
    monkeypatch.setattr(logs, "FINISH_WITHIN", 0.5)


def source(tmp_path: Path, *files: str, **more: Any) -> Logs:
    chosen = LogSettings(journal=bool(more), files=tuple(str(tmp_path / file) for file in files))
    return Logs(chosen, Memory(tmp_path / "memory.json"), set(), print_jobs=tmp_path / "cups", **more)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def write(path: Path, *lines: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


def test_a_failed_sign_in_is_an_event_with_its_fields(tmp_path: Path) -> None:
    (tmp_path / "auth.log").touch()
    with running(source(tmp_path, "auth.log")) as run:
        time.sleep(0.2)
        write(tmp_path / "auth.log", FAILED)
        event = run.until(1)[0]
    assert (event["program"], event["Hostname"]) == ("sshd", "web-1")
    assert event["@timestamp"].startswith("20")


def test_a_log_that_appears_later_is_read_from_its_beginning(tmp_path: Path) -> None:
    with running(source(tmp_path, "*access.log")) as run:
        time.sleep(0.2)
        write(tmp_path / "access.log", ACCESS, ACCESS)
        events = run.until(2)
    assert {event["cs-uri-stem"] for event in events} == {"/wp-login.php"}


def test_a_restart_neither_loses_nor_doubles_a_line(tmp_path: Path) -> None:
    (tmp_path / "auth.log").touch()
    with running(source(tmp_path, "auth.log")) as first:
        time.sleep(0.2)
        write(tmp_path / "auth.log", *[FAILED] * 5)
        first.until(5)
    write(tmp_path / "auth.log", *[FAILED] * 3)
    with running(source(tmp_path, "auth.log")) as second:
        assert len(second.until(3)) == 3
        time.sleep(0.2)
        assert len(second.events) == 3


def test_the_mark_in_the_spool_counts_where_the_memory_lags_behind(tmp_path: Path) -> None:
    (tmp_path / "auth.log").touch()
    with running(source(tmp_path, "auth.log")) as first:
        time.sleep(0.2)
        memory = (tmp_path / "memory.json").read_bytes()
        write(tmp_path / "auth.log", *[FAILED] * 5)
        first.until(5)
    (tmp_path / "memory.json").write_bytes(memory)
    write(tmp_path / "auth.log", FAILED)
    with running(source(tmp_path, "auth.log"), first) as second:
        second.until(1)
        time.sleep(0.2)
    assert len(second.events) == 1


def test_no_mark_passes_records_that_wait_for_others_to_be_told_together(tmp_path: Path) -> None:
    call = 'type=SYSCALL msg=audit(1763780400.123:7): arch=c000003e syscall=59 success=yes pid=9 ppid=1 exe="/bin/id"\n'
    path = tmp_path / "audit.log"
    path.touch()
    following = logs._Following(source(tmp_path, "audit.log"), feed := Feed("logs", "web-1"))
    following.round()
    before = feed.marks[str(path)]
    write(path, call)
    following.round()
    assert feed.marks[str(path)] == before
    following.round()
    following.close()
    assert feed.marks[str(path)] != before


def test_what_never_reached_the_spool_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "auth.log").touch()
    with running(source(tmp_path, "auth.log")) as first:
        time.sleep(0.2)
        first.spooling = False
        write(tmp_path / "auth.log", *[FAILED] * 5)
        time.sleep(0.3)
    with running(source(tmp_path, "auth.log")) as second:
        second.until(5)


def test_lines_in_no_known_format_are_plain_messages(tmp_path: Path) -> None:
    (tmp_path / "own.log").touch()
    with running(source(tmp_path, "own.log")) as run:
        time.sleep(0.2)
        write(tmp_path / "own.log", "the machine says something\n")
        assert "the machine says something" in run.until(1)[0].values()


def test_a_log_that_appeared_while_the_agent_was_away_is_read_from_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "first-access.log").touch()
    with running(source(tmp_path, "*access.log")):
        time.sleep(0.2)
    write(tmp_path / "second-access.log", ACCESS)
    with running(source(tmp_path, "*access.log")) as second:
        assert len(second.until(1)) == 1


def test_a_log_rotated_to_a_name_that_its_pattern_also_takes_is_not_read_twice(tmp_path: Path) -> None:
    (tmp_path / "access.log").touch()
    with running(source(tmp_path, "*access*.log")) as run:
        time.sleep(0.2)
        write(tmp_path / "access.log", ACCESS)
        run.until(1)
        (tmp_path / "access.log").rename(tmp_path / "access-20261122.log")
        write(tmp_path / "access.log", ACCESS)
        run.until(2)
        time.sleep(0.3)
        assert len(run.events) == 2


def test_of_more_logs_than_can_be_followed_those_that_changed_last_are_and_the_rest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "MOST_FILES", 2)
    for age, name in enumerate(("c", "b", "a")):
        (tmp_path / f"{name}.log").touch()
        os.utime(tmp_path / f"{name}.log", (age, age))
    with running(source(tmp_path, "*.log")) as run:
        time.sleep(0.2)
        write(tmp_path / "a.log", FAILED)
        write(tmp_path / "b.log", FAILED)
        run.until(2)
        write(tmp_path / "c.log", FAILED)
        run.until(3)
    assert "1 logs are not followed" in run.health[0]["Reason"]


def test_a_log_that_was_removed_is_let_go_after_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "a.log").touch()
    with running(source(tmp_path, "*.log")) as run:
        time.sleep(0.2)
        write(tmp_path / "a.log", FAILED)
        run.until(1)
        (tmp_path / "a.log").unlink()
        (tmp_path / "b.log").touch()
        until(lambda: "a.log" not in (tmp_path / "memory.json").read_text())


def test_a_log_of_json_objects_is_read_as_what_its_fields_say(tmp_path: Path) -> None:
    (tmp_path / "own.log").touch()
    with running(source(tmp_path, "own.log")) as run:
        time.sleep(0.2)
        write(
            tmp_path / "own.log",
            '{"_path": "dns", "ts": 1772413323.5, "uid": "C1", "query": "example.com", "qtype_name": "A"}\n',
            '{"damaged": \n',
            '{"EventID": 1, "Channel": "Linux-Sysmon/Operational", "Image": "/bin/id"}\n',
        )
        first, second = run.until(2)
    assert (first["query"], first["@timestamp"][:4]) == ("example.com", "2026")
    assert second["Image"] == "/bin/id"
    assert "1 lines could not be read" in run.health[0]["Reason"]


@pytest.mark.skipif(not REMOTE, reason="needs systemd-journal-remote to make a journal")
def test_a_message_of_more_bytes_than_journalctl_prints_unasked_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    journal(folder, "before the agent")
    with running(source(tmp_path, journal_options=(f"--directory={folder}",))) as run:
        time.sleep(0.5)
        journal(folder, "x" * 5000 + " /etc/shadow")
        assert run.until(1)[0]["message"].endswith(" /etc/shadow")


@pytest.mark.skipif(not REMOTE, reason="needs systemd-journal-remote to make a journal")
def test_a_place_in_the_journal_that_leads_nowhere_is_told_and_given_up(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    journal(folder, "before the agent")
    Memory(tmp_path / "memory.json").save({"cursor": "damaged"})
    feed = Feed("logs", "web-1")
    with pytest.raises(OSError, match="cursor"):
        source(tmp_path, journal_options=(f"--directory={folder}",)).run(feed, threading.Event())
    assert [one.event["Kind"] for one in feed.take(9) if b'"blind"' in one.line] == ["blind"]
    with running(source(tmp_path, journal_options=(f"--directory={folder}",))) as run:
        time.sleep(0.5)
        journal(folder, "seen again")
        assert "seen again" in run.until(1)[0]["message"]


@pytest.mark.skipif(not REMOTE, reason="needs systemd-journal-remote to make a journal")
def test_the_journal_is_followed_and_gone_on_with_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    journal(folder, "before the agent")
    options = (f"--directory={folder}",)
    with running(source(tmp_path, journal_options=options)) as first:
        time.sleep(0.5)
        journal(folder, "Failed password for root from 203.0.113.9 port 4711 ssh2")
        assert "Failed password" in first.until(1)[0]["message"]
    journal(folder, "while it was away")
    with running(source(tmp_path, journal_options=options)) as second:
        assert "while it was away" in second.until(1)[0]["message"]


def journal(folder: Path, message: str) -> None:
    """One entry more, as another journal file of the same folder."""
    stamp = time.time_ns() // 1000
    moment = f"__REALTIME_TIMESTAMP={stamp}\n__MONOTONIC_TIMESTAMP={stamp}\n_BOOT_ID={'0123456789abcdef' * 2}\n"
    entry = f"{moment}_PID=77\nSYSLOG_IDENTIFIER=sshd\nMESSAGE={message}\n\n"
    file = folder / f"{stamp}.journal"
    subprocess.run([REMOTE, "-o", file, "-"], input=entry.encode(), check=True, capture_output=True)


def test_a_print_job_is_told_with_its_documents_name_and_never_twice(tmp_path: Path) -> None:
    (tmp_path / "cups").mkdir()
    with running(source(tmp_path)) as first:
        until(lambda: first.marks.get("print jobs") == "0")
        (tmp_path / "cups" / "c00001").write_bytes(RECORDED)
        assert first.until(1)[0]["Document"] == "금형 설계도 최종(1).txt"
    with running(source(tmp_path), first) as second:
        time.sleep(0.3)
    assert second.events == []
