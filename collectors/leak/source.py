"""The agent's source of leak evidence: has documents registered and writes examined, and tells what was found."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from collectors.examining.walk import files_below
from collectors.examining.worker import Worker
from collectors.leak import evidence, notes
from collectors.leak.asked import Answer, Examine, Gone, Register, Request, Sweep
from collectors.leak.evidence import Evidence
from collectors.leak.heard import Heard
from collectors.leak.lineage import Written
from collectors.leak.notes import Note
from collectors.leak.pending import Write
from collectors.sources.feed import Feed
from collectors.sources.who import Who, readable
from jikimi.domain.logsource import LEAK_EVIDENCE

IDLE = 60.0
"""Seconds without work after which the examining process ends and its memory is free again."""
TICK = 1.0
FILLING = (
    "the protected documents are taken in for the first time: a copy of one that has not been is not recognised yet"
)
COMPANY = 0.25
"""Seconds for which the first of several changes waits for the others."""
GONE_AT_ONCE = 500
WEAK = 50
"""Below this confidence a process is told of once: it may write a thousand files."""
TOLD_ONCE = 1_000

Identity = dict[str, object]


def _ended(words: str) -> Answer:
    return Answer("failed", words, notes.ended(words).ko)


def _nobody(_: str) -> Identity:
    return {}


@dataclass
class Leak:
    """`folders` are protected, `templates` hold forms whose text proves nothing. `own` are process ids of the agent's
    own. `identity` tells the removable device that is mounted at a point (its event fields)."""

    heard: Heard
    folders: tuple[str, ...]
    templates: tuple[str, ...]
    index: Path
    own: set[int]
    identity: Callable[[str], Identity] = _nobody
    name: str = "leak"

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`."""
        worker = Worker(("collectors.leak", str(self.index)), Answer, _ended, self.own)
        try:
            _Look(self, feed, worker, stop).run()
        finally:
            worker.close(kill=True)


class _Told(NamedTuple):
    """What lineage says, and of which of a file's writers."""

    found: Evidence
    documents: list[str]
    writer: Who


class _Look:
    """One run of the source."""

    def __init__(self, source: Leak, feed: Feed, worker: Worker[Answer], stop: threading.Event) -> None:
        self._source = source
        self._heard = source.heard
        self._feed = feed
        self._worker = worker
        self._stop = stop
        self._walk: Iterator[tuple[str, bool]] | None = self._everything()
        self._devices: dict[str, Identity] = {}
        self._weak: dict[int, None] = {}
        self._gone: list[bytes] = []
        """Documents that are no longer there; forgotten before anything else is asked, so that the order is kept."""
        self._documents = self._troubled = 0
        self._trouble = ""
        self._filling = False
        self._worked_at = time.monotonic()

    def run(self) -> None:
        if not self._source.folders:
            self._feed.running("nothing to look for: no folder is protected")
            self._stop.wait()
            return
        self._report()
        while not self._stop.is_set():
            if self._step():
                self._worked_at = time.monotonic()
            else:
                self._forget_gone()
                if self._heard.bell.wait(TICK):
                    self._stop.wait(COMPANY)
                self._heard.bell.clear()
                if time.monotonic() - self._worked_at > IDLE:
                    self._worker.close()

    def _step(self) -> bool:
        """Writes first, then documents that changed, then the looking through. False when there is nothing to do."""
        now = time.time()
        with self._heard.lock:
            write = self._heard.pending.due_write(now)
            document = None if write else self._heard.pending.due_document(now)
            lost = self._heard.pending.lost()
            again, self._heard.pending.overlooked = self._heard.pending.overlooked, False
        if lost:
            self._feed.lost("more files were written outside than could be examined", datetime.now(UTC), lost)
        if again:
            self._walk = self._everything()
        if write:
            self._examine(write)
        elif document:
            self._register(document, template=False)
        elif self._walk is not None:
            self._look_on()
        else:
            return False
        return True

    def _everything(self) -> Iterator[tuple[str, bool]]:
        """(path, is a template); templates first, so that they count for no document."""
        for template, tops in ((True, self._source.templates), (False, self._source.folders)):
            for top in tops:
                for path in files_below(top):
                    yield path, template

    def _look_on(self) -> None:
        for path, template in self._walk or ():
            if path:
                self._register(path, template=template)
            else:
                self._note_trouble("a folder cannot be read")
            return
        self._walk, self._filling = None, False
        self._documents = self._ask(Sweep()).counts.get("documents", self._documents)
        self._report()

    def _register(self, path: str, *, template: bool) -> None:
        if not os.path.lexists(path):
            self._gone.append(os.fsencode(path))
            return
        if os.path.isdir(path) and not os.path.islink(path):
            for inside in files_below(path):
                with self._heard.lock:
                    self._heard.pending.changed(inside, 0.0)
            return
        self._heard.own_reads.touching(path, time.time())
        answer = self._ask(Register(os.fsencode(path), template))
        self._heard.own_reads.touching(path, time.time())
        self._documents = answer.counts.get("documents", self._documents)
        if answer.trouble:
            self._note_trouble(f"{readable(path)}: {answer.trouble}")

    def _ask(self, request: Request) -> Answer:
        """An index that was lost on the way is filled again; until then copies are not known for what they are."""
        self._forget_gone()
        answer = self._worker.ask(request)
        if answer.anew:
            if self._walk is None:
                self._feed.blind("the index of protected documents was lost and is made anew", datetime.now(UTC))
                self._walk = self._everything()
            self._filling = True
            self._report()
        return answer

    def _forget_gone(self) -> None:
        """Asked for many at once: programs make and remove scratch files beside the documents all day."""
        gone, self._gone = self._gone, []
        for first in range(0, len(gone), GONE_AT_ONCE):
            self._ask(Gone(gone[first : first + GONE_AT_ONCE]))

    def _note_trouble(self, what: str) -> None:
        """Said at the 1st, 2nd, 4th, 8th, … so that a folder of odd files gives few lines."""
        self._troubled += 1
        if self._troubled & (self._troubled - 1) == 0:
            self._trouble = f"{self._troubled} protected files could not be taken in wholly, the last: {what}"
            self._report()

    def _report(self) -> None:
        mode = "looking through the folders" if self._walk is not None else "registry of protected documents"
        filling = FILLING if self._filling else ""
        self._feed.running(mode, "; ".join(filter(None, (filling, self._trouble))))

    def _examine(self, write: Write) -> None:
        device = self._device(write.mount) if write.removable else {}
        answer = self._ask(Examine(os.fsencode(write.path), write.inode, write.handle, os.fsencode(write.mount)))
        if answer.done == "examined":
            write = write._replace(size=answer.size)
        found, documents = answer.best, answer.documents
        if answer.done != "examined":
            found = self._not_examined(write, answer)
        if found is None and not write.size:
            return
        if found is None or found.confidence < WEAK:
            examined = answer.encrypted or found is None or found.kind != "not_examined"
            told = self._lineage(Written(write.size, write.who, write.at, answer.encrypted, examined), write.others)
            if told and (found is None or told.found.confidence > found.confidence) and self._news(told):
                found, documents, write = told.found, told.documents, write._replace(who=told.writer)
        if found is not None:
            self._tell(write, found, documents, answer, device)

    def _lineage(self, written: Written, others: tuple[Who, ...]) -> "_Told | None":
        """The surest over all who wrote the file: whoever appends a word to a copy is not who made it."""
        best: _Told | None = None
        with self._heard.lock:
            for writer in (written.who, *others):
                told = self._heard.lineage.of(written._replace(who=writer))
                if told and (best is None or told[0].confidence > best.found.confidence):
                    best = _Told(*told, writer)
        return best

    def _not_examined(self, write: Write, answer: Answer) -> Evidence | None:
        """A file that is no longer there was a program's scratch file, unless the whole volume is gone."""
        if write.removable and not os.path.ismount(write.mount):
            return evidence.not_examined([notes.TAKEN_OFF])
        if answer.done != "failed":
            return None
        return evidence.not_examined([Note(answer.trouble_ko, answer.trouble)])

    def _news(self, told: "_Told") -> bool:
        if told.found.confidence >= WEAK:
            return True
        pid = told.writer.pid
        if pid in self._weak:
            return False
        self._weak[pid] = None
        if len(self._weak) > TOLD_ONCE:
            del self._weak[next(iter(self._weak))]
        return True

    def _device(self, mount: str) -> Identity:
        """As last seen when the device is no longer there."""
        if known := self._source.identity(mount):
            self._devices[mount] = known
        return self._devices.get(mount, {})

    def _tell(self, write: Write, found: Evidence, documents: list[str], answer: Answer, device: Identity) -> None:
        path = answer.path or write.path
        named = [readable(document) for document in documents[: evidence.NAMED]]
        self._feed.emit(
            LEAK_EVIDENCE,
            {
                "Evidence": found.kind,
                "Confidence": found.confidence,
                "ConfidenceReasonKo": readable(found.reason_ko),
                "ConfidenceReasonEn": readable(found.reason_en),
                "ProtectedDocument": readable(found.document),
                "ProtectedName": readable(os.path.basename(found.document)),
                "ProtectedDocuments": named or None,
                "DocumentCount": len(documents) or None,
                "Share": found.share,
                "Words": found.words,
                "Member": readable(found.member),
                "TargetFilename": readable(path),
                "TargetName": readable(os.path.basename(path)),
                "Renamed": _renamed(path, found) if found.kind == "hash" else None,
                "Destination": "removable" if write.removable else "synced",
                "SizeBytes": write.size or None,
                **write.who.fields(),
                **device,
            },
            datetime.fromtimestamp(write.at, UTC),
        )


def _renamed(path: str, found: Evidence) -> bool:
    return os.path.basename(path).lower() != os.path.basename(found.document).lower()
