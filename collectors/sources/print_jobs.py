"""Print jobs by CUPS's control files (/var/spool/cups/c00001), which only root reads.

Debian switches page_log off, and the access log leaves the document's name out. cupsd writes a job's file within half a
minute (cupsd.conf(5), DirtyCleanInterval).
"""

import contextlib
import re
from datetime import UTC, datetime
from pathlib import Path

from collectors.logs.ipp import Job, job_of
from jikimi.domain.event import TIMESTAMP, Event, format_time

FOLDER = Path("/var/spool/cups")
LARGEST = 1 << 18
_NAME = re.compile(r"c(\d{5,10})")


class PrintJobs:
    """`told` is the number of the last job an earlier life told of; without one telling begins with the next job."""

    def __init__(self, told: int | None, folder: Path = FOLDER) -> None:
        self.told = told
        self._folder = folder

    def fresh(self) -> list[Event]:
        """Jobs since the last call, in order; files come whole (cupsd renames them), so a damaged one is left out."""
        numbers = self._numbers()
        if self.told is None or (numbers and max(numbers) < self.told):  # cupsd begins anew when its history is removed
            self.told = max(numbers, default=0)
            return []
        found = []
        for number in sorted(number for number in numbers if number > self.told):
            self.told = number
            if (job := self._job(number)) is not None:
                found.append(_event(job))
        return found

    def _numbers(self) -> dict[int, Path]:
        try:
            return {int(name[1]): path for path in self._folder.iterdir() if (name := _NAME.fullmatch(path.name))}
        except OSError:
            return {}

    def _job(self, number: int) -> Job | None:
        with contextlib.suppress(OSError), (self._folder / f"c{number:05d}").open("rb") as file:
            return job_of(file.read(LARGEST))
        return None


def _event(job: Job) -> Event:
    event: Event = {
        "Printer": job.printer,
        "User": job.user,
        "JobId": job.number,
        "Document": job.document,
        "SourceHostname": job.host,
        "SizeBytes": job.kilobytes * 1024 or None,
    }
    if job.created_at:
        event[TIMESTAMP] = format_time(datetime.fromtimestamp(job.created_at, UTC))
    return event
