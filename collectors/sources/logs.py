"""The logs of this computer as they grow: journal, audit, sign-in, web server, proxy, DNS, print jobs.

What is known by heart is followed where it lies; more files may be named. Where systemd keeps a journal, the system's
text logs are left alone: they say the same again. Lines are read by `collectors.logs`. Places are marks in the spool,
in one commit with the events of everything before them; the memory has them too, later, for when the spool is lost.
"""

import os
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from collectors.logs.objects import LogObjects
from collectors.logs.port import Joining, LogFormat, Reading
from collectors.logs.telling import PLAIN, told
from collectors.settings import LogSettings
from collectors.source_event import SourceEvent
from collectors.sources import log_files
from collectors.sources.feed import Feed
from collectors.sources.followed import Followed, Place
from collectors.sources.journal import JournalFollower, has_journal
from collectors.sources.memory import Memory
from collectors.sources.places import Places
from collectors.sources.print_jobs import FOLDER, PrintJobs
from jikimi.clock import utc_now
from jikimi.domain.event import parse_time
from jikimi.domain.logsource import PRINT_JOB

TICK = 1.0
LOOK_AFTER = 30.0
"""Seconds between looks for files that are new."""
SAVE_AFTER, FINISH_WITHIN = 2.0, 3.0
HEAD = 1 << 16
JOURNAL: Final = "journal"
PRINTED: Final = "print jobs"
"""The names of their marks; those of files are their paths."""


@dataclass
class Logs:
    """`own` are process ids of the agent's own, whose journal entries are left out."""

    chosen: LogSettings
    memory: Memory
    own: set[int]
    zone: tzinfo = UTC
    journal_options: tuple[str, ...] = ()
    print_jobs: Path = FOLDER
    name: str = field(default="logs", init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError when the journal breaks off."""
        following = _Following(self, feed)
        try:
            while not stop.is_set():
                if not following.round():
                    stop.wait(TICK)
            following.finish()
        finally:
            following.close()


def local_zone() -> tzinfo:
    """This computer's own: the zone of log lines that do not say one."""
    try:
        with open("/etc/localtime", "rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError):
        return UTC


class _Log:
    """One file and its format, told by the beginning of the file: some formats say only there what they are."""

    def __init__(self, followed: Followed, reading: Reading) -> None:
        self.followed = followed
        self.marked: Place | None = None
        self._reading = reading
        self._format: LogFormat | None = None

    def events(self, lines: Sequence[str]) -> Iterable[SourceEvent]:
        if self._format is None:
            head = _head(self.followed.path)
            self._format = _opened(head or list(lines), self._reading)
            for line in head:
                if line.startswith("#"):
                    self._format.feed(line)
        for line in lines:
            yield from self._format.feed(line)

    def pause(self) -> Sequence[SourceEvent]:
        return self._format.flush() if self._format else ()

    def waits(self) -> bool:
        return isinstance(self._format, Joining) and self._format.waits


class _Following:
    """One run of the source."""

    def __init__(self, source: Logs, feed: Feed) -> None:
        self._source = source
        self._feed = feed
        self._reading = Reading(utc_now, self._unread, source.zone)
        self._known: dict[str, Any] = source.memory.load()
        marked = {path: orjson.loads(place) for path, place in feed.marks.items() if path[:1] == "/"}
        self._files: dict[str, list[Any]] = self._known.get("files", {}) | marked
        self._logs: dict[str, _Log] = {}
        self._troubles: dict[str, str] = {}
        self._unreadable = 0
        self._looked_at = self._saved_at = 0.0
        self._places = Places(feed, source.memory)
        self._journal = self._open_journal()
        self._objects = LogObjects(self._reading)
        told = feed.marks.get(PRINTED, "")
        self._print_jobs = PrintJobs(int(told) if told else None, source.print_jobs)

    def round(self) -> bool:
        """Everything that came since. False when that was nothing."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_AFTER or not self._looked_at:
            self._look(first=not self._looked_at)
            self._tell_print_jobs()
            self._looked_at = now
        busy = self._read_journal()
        for log in self._logs.values():
            busy = self._read(log) or busy
        if now - self._saved_at >= SAVE_AFTER:
            self._saved_at = now
            self.save()
        return busy

    def finish(self) -> None:
        self.save()
        self._places.finish(FINISH_WITHIN)

    def save(self) -> None:
        places = {path: list(log.followed.place) for path, log in self._logs.items() if log.followed.place}
        cursor = self._journal.cursor if self._journal else ""
        self._places.note(
            {"files": self._files | places, "cursor": cursor, "patterns": self._known.get("patterns", [])}
        )

    def close(self) -> None:
        for log in self._logs.values():
            log.followed.close()
        if self._journal:
            self._journal.close()

    def _open_journal(self) -> JournalFollower | None:
        if not self._source.chosen.journal or not (self._source.journal_options or has_journal()):
            return None
        cursor = self._feed.marks.get(JOURNAL) or self._known.get("cursor", "")
        return JournalFollower(cursor, self._source.journal_options)

    def _look(self, *, first: bool) -> None:
        """Follow what is there and was not; say what cannot be followed."""
        system = () if self._journal else log_files.SYSTEM
        patterns = [*system, *log_files.SERVERS, *self._source.chosen.files]
        found = log_files.log_files(patterns)
        chosen = list(found)[: log_files.MOST_FILES]
        self._leave({path for path in self._logs if path not in chosen})
        for path in chosen:
            if path in self._logs:
                continue
            if not os.access(path, os.R_OK):
                self._troubles[path] = f"{path} cannot be read"
                continue
            self._troubles.pop(path, None)
            place = Place(*self._files[path]) if path in self._files else None
            new = not first or found[path] in self._known.get("patterns", ())
            self._logs[path] = _Log(Followed(path, place, new=new), self._reading)
        self._known["patterns"] = patterns
        self._troubles.pop("many", None)
        if len(found) > len(chosen):
            self._troubles["many"] = f"{len(found) - len(chosen)} logs are not followed, those unchanged the longest"
        self._report()

    def _leave(self, paths: Iterable[str]) -> None:
        """What makes room for others is gone on with when it changes; of what was removed nothing is kept."""
        for path in paths:
            followed = self._logs[path].followed
            if os.path.exists(path) and followed.place:
                self._files[path] = list(followed.place)
            elif not followed.removed:
                continue  # rotated; its successor is still to come
            else:
                self._files.pop(path, None)
                self._feed.mark(path, "")
            followed.close()
            del self._logs[path]

    def _read(self, log: _Log) -> bool:
        try:
            lines = log.followed.lines()
        except OSError as error:
            self._troubles[log.followed.path] = f"{log.followed.path}: {error.strerror or error}"
            self._report()
            return False
        for loss in log.followed.losses:
            self._feed.blind(loss, datetime.now(UTC))
        log.followed.losses.clear()
        self._tell(log.events(lines) if lines else log.pause())
        if (place := log.followed.place) and place != log.marked and not log.waits():
            log.marked = place
            self._feed.mark(log.followed.path, orjson.dumps(tuple(place)).decode())
        return bool(lines)

    def _read_journal(self) -> bool:
        if self._journal is None:
            return False
        entries = self._journal_entries(self._journal)
        for entry in entries:
            if entry.get("_PID") not in {str(pid) for pid in self._source.own}:
                self._tell(self._objects.take(entry))
        if not entries:
            self._tell(self._objects.flush())
        if self._journal.lost:
            self._feed.lost("journal entries too long or damaged", datetime.now(UTC), self._journal.lost)
            self._journal.lost = 0
        if self._journal.cursor and not self._objects.waits:
            self._feed.mark(JOURNAL, self._journal.cursor)
        return bool(entries)

    def _tell_print_jobs(self) -> None:
        self._tell(SourceEvent(PRINT_JOB, job) for job in self._print_jobs.fresh())
        self._feed.mark(PRINTED, str(self._print_jobs.told))

    def _journal_entries(self, journal: JournalFollower) -> list[dict[str, Any]]:
        """Raises OSError when the journal breaks off; a place in it that leads nowhere is given up."""
        try:
            return journal.entries()
        except OSError as error:
            if journal.cursor and "cursor" in str(error):
                self._feed.blind("the place in the journal could not be found again", datetime.now(UTC))
                self._source.memory.save(self._known | {"cursor": ""})
                self._feed.mark(JOURNAL, "")
            raise

    def _tell(self, found: Iterable[SourceEvent]) -> None:
        for logsource, event in found:
            self._feed.emit(logsource, event, _time_of(event))

    def _unread(self, _: str) -> None:
        """Said at the 1st, 2nd, 4th, 8th, …: a log in another format gives few lines."""
        self._unreadable += 1
        if self._unreadable & (self._unreadable - 1) == 0:
            self._troubles["lines"] = f"{self._unreadable} lines could not be read as events"
            self._report()

    def _report(self) -> None:
        mode = f"{len(self._logs)} files" + (" and the journal" if self._journal else "")
        self._feed.running(mode, "; ".join(self._troubles.values()))


def _opened(lines: list[str], reading: Reading) -> LogFormat:
    first = next((line.lstrip("\ufeff \t") for line in lines if line.strip()), "")
    if not first.startswith("{"):
        return (told(lines) or PLAIN).open(reading)
    from collectors.sources.json_log import JsonLog  # most computers have none, and it brings all that reads files

    return JsonLog(reading)


def _head(path: str) -> list[str]:
    """The first lines of the file; none when it cannot be read any more."""
    try:
        with open(path, "rb") as file:
            return file.read(HEAD).decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _time_of(event: dict[str, Any]) -> datetime | None:
    """The line's own time, where it has one that can be read."""
    try:
        return parse_time(str(event.get("@timestamp")))
    except ValueError:
        return None
