"""What the examining process does with one file: register a protected document, or examine what was written."""

import os
import stat
import time
from typing import BinaryIO

from collectors.leak import evidence, notes
from collectors.leak.asked import Answer, Examine, Gone, Register, Request, Sweep
from collectors.leak.budget import Budget, Caps
from collectors.leak.entropy import SAMPLE, looks_encrypted
from collectors.leak.licences import HEAD, is_licence
from collectors.leak.matching import match
from collectors.leak.pieces import pieces
from collectors.leak.registry import Registry, Stamp
from collectors.sources.who import readable


class Examiner:
    """Not thread-safe."""

    def __init__(self, registry: Registry, caps: Caps) -> None:
        self._registry = registry
        self._caps = caps

    def answer(self, request: Request) -> Answer:
        """Raises nothing that a file can cause."""
        try:
            match request:
                case Register(path, template):
                    return self._register(path, template=template)
                case Gone(paths):
                    self._registry.gone([readable(os.fsdecode(path)) for path in paths], int(time.time()))
                    return Answer("gone")
                case Sweep():
                    self._registry.sweep(int(time.time()))
                    return Answer("swept", counts=self._registry.counts())
                case Examine():
                    return self._examine(request)
        except FileNotFoundError:
            return Answer("gone")
        except MemoryError:
            return _failed(notes.MEMORY)
        except OSError as error:
            return _failed(notes.refused(error))

    def _register(self, path: bytes, *, template: bool) -> Answer:
        with _open(path) as file:
            before = Stamp.of(os.fstat(file.fileno()))
            name = readable(os.fsdecode(path))
            if self._registry.unchanged(name, before):
                return Answer("unchanged")
            template = template or is_licence(path, before.size, file.read(HEAD))
            budget = Budget(self._caps)
            contents = list(pieces(file, budget))
            if Stamp.of(os.fstat(file.fileno())) != before:
                return Answer("failed", "it was written to while it was read")
            full = self._registry.keep(name, before, contents, template=template)
        return Answer("registered", "; ".join([full] * bool(full) + [note.en for note in budget.notes]))

    def _examine(self, request: Examine) -> Answer:
        with _open_same(request) as file:
            budget = Budget(self._caps)
            verdict = match(pieces(file, budget), self._registry)
            file.seek(0)
            sealed = budget.locked or looks_encrypted(file.read(SAMPLE))
            path, size = _path_of(file, request), os.fstat(file.fileno()).st_size
        found = verdict.best
        if found is None and budget.notes:
            found = evidence.not_examined(budget.notes)
        trouble = "; ".join(note.en for note in budget.notes)
        return Answer("examined", trouble, "", found, verdict.documents, sealed, path, size)


def _failed(why: notes.Note) -> Answer:
    return Answer("failed", why.en, why.ko)


def _open(path: bytes) -> BinaryIO:
    """A regular file, without following a link, waiting at nothing, leaving its access time alone where that may be.
    Raises OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_NOATIME)
    except PermissionError:
        descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(os.fsdecode(path))
    return os.fdopen(descriptor, "rb")


def _open_same(request: Examine) -> BinaryIO:
    """The file that was written, also when it was renamed since. Raises OSError."""
    try:
        file = _open(request.path)
        if not request.inode or os.fstat(file.fileno()).st_ino == request.inode:
            return file
        file.close()
    except FileNotFoundError:
        if not request.handle:
            raise
    if not request.handle:
        raise FileNotFoundError(os.fsdecode(request.path))
    from collectors.sources import fanotify

    descriptor = fanotify.open_handle(request.handle, os.fsdecode(request.mount), os.O_RDONLY | os.O_NONBLOCK)
    return os.fdopen(descriptor, "rb")


def _path_of(file: BinaryIO, request: Examine) -> str:
    try:
        return readable(os.readlink(f"/proc/self/fd/{file.fileno()}").removesuffix(" (deleted)"))
    except OSError:
        return readable(os.fsdecode(request.path))
