"""The agent's source that captures packets: a ring that runs along, or from the moment somebody asks."""

import threading
import time
from datetime import timedelta
from pathlib import Path

from collectors.evidence import requests
from collectors.evidence.freeze import freeze
from collectors.evidence.requests import Answer, Asked
from collectors.evidence.ring import Ring, end_leftovers
from collectors.evidence.settings import CaptureSettings
from collectors.sources.feed import Feed
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import format_time
from jikimi.domain.evidence import narrowed
from jikimi.domain.logsource import EVIDENCE
from jikimi.errors import JikimiError, Transient

LOOK, IDLE_LOOK = 0.2, 1.0
"""Seconds between looks while a capture is under way, and else."""


class Capture:
    """Requests lie in `folder`, beside the rings and the `evidence`. Raises Transient when a ring that shall always run
    cannot, or ended."""

    name = "capture"

    def __init__(self, settings: CaptureSettings, folder: Path, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._folder = folder
        self._clock = clock
        self._ring: Ring | None = None
        self._number = 0
        self._open: list[tuple[Asked, float]] = []
        """Requests and the steady time at which their capture is complete."""

    def run(self, feed: Feed, stop: threading.Event) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        end_leftovers(self._folder)
        self._ring, self._open = None, []
        try:
            if self._settings.always:
                self._ring = self._begin()
            feed.running(f"dumpcap on {self._settings.interface}" if self._settings.always else "dumpcap when asked")
            while not stop.wait(LOOK if self._open else IDLE_LOOK):
                self._look(feed)
                if self._ring is not None and not self._ring.runs():
                    raise Transient(f"dumpcap ended by itself: {self._ring.said().strip()[-200:]}")
        finally:
            for asked, _ in self._open:
                requests.answer(self._folder, asked, Answer(error="the agent stopped before the capture was complete"))
            if self._ring is not None:
                self._ring.stop()
            end_leftovers(self._folder)

    def _begin(self, narrowed: str = "") -> Ring:
        self._number += 1
        return Ring(self._settings, self._folder / f"ring-{self._number}", narrowed)

    def _look(self, feed: Feed) -> None:
        for asked in requests.waiting(self._folder):
            try:
                self._serve(asked)
            except JikimiError as error:
                self._refuse(feed, asked, error)
                continue
            self._open.append((asked, time.monotonic() + asked.after))
        due = [asked for asked, complete in self._open if complete <= time.monotonic()]
        self._open = [(asked, complete) for asked, complete in self._open if asked not in due]
        for asked in due:
            self._freeze(feed, asked)

    def _serve(self, asked: Asked) -> None:
        """A filter holds for a whole ring. Raises Transient when one runs already with another."""
        if self._ring is None:
            self._ring = self._begin(asked.filter)
        elif asked.filter and narrowed(self._settings.filter, asked.filter) != self._ring.filter:
            raise Transient(f"a ring runs already with the filter {self._ring.filter!r}: ask again without a filter")

    def _freeze(self, feed: Feed, asked: Asked) -> None:
        """The next ring begins before this one ends, where one is still wanted: no packet falls between them."""
        ring, self._ring = self._ring, None
        if ring is None:
            self._refuse(feed, asked, Transient("another request at the same time took the capture: ask again"))
            return
        try:
            if self._settings.always or self._open:
                self._ring = self._begin(self._open[0][0].filter if self._open and not self._settings.always else "")
            ring.stop()
            folder, manifest, digest = freeze(ring, asked, self._settings, self._folder / "evidence", feed.device)
        except (JikimiError, OSError) as error:
            self._refuse(feed, asked, error)
            return
        size = sum(file.bytes for file in manifest.files)
        fields = {
            "Action": "capture",
            "EvidenceId": asked.id,
            "Folder": str(folder),
            "Files": len(manifest.files),
            "SizeBytes": size,
            "ManifestSha256": digest,
            "Reason": asked.reason,
            "User": asked.by,
            "From": format_time(manifest.wanted_from),
            "To": format_time(manifest.wanted_to),
            "Interface": manifest.interface,
            "Packets": manifest.received,
            "Dropped": manifest.dropped,
        }
        feed.emit(EVIDENCE, fields)
        if manifest.dropped:
            feed.lost(
                "packets found no room in the capture", self._clock() - timedelta(seconds=asked.after), manifest.dropped
            )
        requests.answer(self._folder, asked, Answer(str(folder), len(manifest.files), size, digest))

    def _refuse(self, feed: Feed, asked: Asked, error: Exception) -> None:
        feed.health("degraded", f"no packets were kept as evidence: {error}", EvidenceId=asked.id)
        requests.answer(self._folder, asked, Answer(error=str(error)))
