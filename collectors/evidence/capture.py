"""The agent's source that captures packets: a ring that runs along, or from the moment somebody asks."""

import threading
import time
from pathlib import Path

from collectors.evidence import requests
from collectors.evidence.freeze import check_room, freeze
from collectors.evidence.requests import Answer, Asked
from collectors.evidence.ring import Ring, end_leftovers
from collectors.evidence.settings import CaptureSettings
from collectors.sources.feed import Feed
from jikimi.domain.event import format_time
from jikimi.domain.evidence import Manifest, narrowed
from jikimi.domain.logsource import EVIDENCE
from jikimi.errors import JikimiError, Transient

LOOK, IDLE_LOOK = 0.2, 2.0
"""Seconds between looks while a capture is under way, and else."""


class Capture:
    """Requests lie in `folder`, beside the rings and the `evidence`. Raises Transient when a ring that shall always run
    cannot, or ended."""

    name = "capture"

    def __init__(self, settings: CaptureSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._ring: Ring | None = None
        self._number = 0
        self._open: list[tuple[Asked, float]] = []
        """Requests and the steady time at which their capture is complete."""
        self._owed: list[tuple[Asked, Answer]] = []
        """Answers that a full disk had no room for."""

    def run(self, feed: Feed, stop: threading.Event) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        end_leftovers(self._folder)
        self._ring, self._open = None, []
        why = "the agent stopped before the capture was complete"
        try:
            if self._settings.always:
                self._ring = self._begin()
            feed.running(f"dumpcap on {self._settings.interface}" if self._settings.always else "dumpcap when asked")
            while not stop.wait(LOOK if self._open else IDLE_LOOK):
                self._look(feed)
                if self._ring is not None and not self._ring.runs():
                    ended = Transient(f"dumpcap ended by itself: {self._ring.reason()}")
                    self._rescue(feed, self._ring)
                    raise ended
        except JikimiError as error:
            why = str(error)
            raise
        finally:
            for asked, _ in self._open:
                self._answer(asked, Answer(error=why))
            if self._ring is not None:
                self._ring.stop()
            end_leftovers(self._folder)

    def _begin(self, narrowed: str = "") -> Ring:
        self._number += 1
        return Ring(self._settings, self._folder / f"ring-{self._number}", narrowed)

    def _look(self, feed: Feed) -> None:
        owed, self._owed = self._owed, []
        for asked, given in owed:
            self._answer(asked, given)
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
        """The next ring begins before this one ends, where one is still wanted: no packet falls between them. Raises
        Transient when it cannot; what this one holds is kept nevertheless."""
        ring = self._ring
        if ring is None:
            self._refuse(feed, asked, Transient("another request at the same time took the capture: ask again"))
            return
        try:
            check_room(ring, asked, self._settings, self._folder / "evidence")
        except Transient as error:
            self._refuse(feed, asked, error)
            if not self._settings.always and not self._open:
                self._end(ring)
            return
        failed = self._begin_next()
        self._keep(feed, asked, ring)
        if failed is not None:
            raise failed

    def _rescue(self, feed: Feed, ring: Ring) -> None:
        """Of a ring that ended by itself what was asked for first; it is all that there is."""
        self._ring = None
        if self._open:
            asked, _ = self._open.pop(0)
            self._keep(feed, asked, ring)

    def _keep(self, feed: Feed, asked: Asked, ring: Ring) -> None:
        try:
            ring.stop()
            folder, manifest, digest = freeze(ring, asked, self._settings, self._folder / "evidence", feed.device)
        except (JikimiError, OSError) as error:
            self._refuse(feed, asked, error)
        else:
            self._tell(feed, asked, ring, folder, manifest, digest)
        ring.discard()

    def _begin_next(self) -> JikimiError | None:
        """Why the ring that is wanted could not begin."""
        self._ring = None
        try:
            if self._settings.always or self._open:
                self._ring = self._begin(self._open[0][0].filter if self._open and not self._settings.always else "")
        except JikimiError as error:
            return error
        return None

    def _end(self, ring: Ring) -> None:
        self._ring = None
        ring.stop()
        ring.discard()

    def _tell(self, feed: Feed, asked: Asked, ring: Ring, folder: Path, manifest: Manifest, digest: str) -> None:
        size = sum(file.bytes for file in manifest.files)
        held = manifest.held_from or manifest.wanted_from
        fields = {
            "Action": "capture",
            "EvidenceId": asked.id,
            "Folder": str(folder),
            "Files": len(manifest.files),
            "SizeBytes": size,
            "ManifestSha256": digest,
            "Reason": asked.reason,
            "User": asked.by,
            "From": format_time(held),
            "WantedFrom": format_time(manifest.wanted_from) if held > manifest.wanted_from else None,
            "To": format_time(min(manifest.wanted_to, ring.ended)),
            "Interface": manifest.interface,
            "Packets": manifest.received,
            "Dropped": manifest.dropped,
        }
        feed.emit(EVIDENCE, fields)
        if manifest.dropped:
            feed.lost("packets found no room in the capture", ring.began, manifest.dropped)
        self._answer(asked, Answer(str(folder), len(manifest.files), size, digest))

    def _refuse(self, feed: Feed, asked: Asked, error: Exception) -> None:
        feed.health("degraded", f"no packets were kept as evidence: {error}", EvidenceId=asked.id)
        self._answer(asked, Answer(error=str(error)))

    def _answer(self, asked: Asked, given: Answer) -> None:
        """Now, or as soon as the disk has room for it."""
        try:
            requests.answer(self._folder, asked, given)
        except OSError:
            self._owed.append((asked, given))
