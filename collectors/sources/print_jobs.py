"""Which document was printed: CUPS's access log, the only one that Debian keeps, tells of a job all but its name.

The name is in the control file of the job (cupsd(8), /var/spool/cups/c00001), which only root reads.
"""

import contextlib
from collections import deque
from datetime import datetime
from pathlib import Path

from collectors.logs.ipp import Job, job_of
from jikimi.domain.event import TIMESTAMP, Event, parse_time

FOLDER = Path("/var/spool/cups")
LATEST = 50
"""Jobs that are looked at, the newest: a log that is followed is a second behind."""
NEAR = 60.0
"""Seconds from a job's creation until its document was sent."""
LARGEST = 1 << 18


class PrintJobs:
    """Not thread-safe."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._named: deque[int] = deque(maxlen=4 * LATEST)

    def named(self, event: Event) -> Event:
        """The event with `Document`, `JobId` and who printed it, where a job fits that fits no earlier event."""
        if "JobId" in event or "Operation" not in event:
            return event
        with contextlib.suppress(ValueError, KeyError):
            at = parse_time(str(event[TIMESTAMP]))
            if (job := self._fitting(str(event["Printer"]), at)) is not None:
                self._named.append(job.number)
                told = {"JobId": job.number, "Document": job.document, "User": job.user, "SourceHostname": job.host}
                return event | {name: value for name, value in told.items() if value}
        return event

    def _fitting(self, printer: str, at: datetime) -> Job | None:
        """Of the same printer, the one created nearest before."""
        ages = ((at.timestamp() - job.created_at, job.number, job) for job in self._jobs() if job.printer == printer)
        return min((one for one in ages if -1 <= one[0] <= NEAR and one[1] not in self._named), default=(0, 0, None))[2]

    def _jobs(self) -> list[Job]:
        found = []
        for path in sorted(self._folder.glob("c[0-9]*"), reverse=True)[:LATEST]:
            with contextlib.suppress(OSError):
                with path.open("rb") as file:
                    job = job_of(file.read(LARGEST))
                if job is not None:
                    found.append(job)
        return found
