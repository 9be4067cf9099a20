"""The agent's own files: what it read or wrote itself, and what somebody else made of them."""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Told = tuple[Path, str]
"""A file, and what happened to it: `changed`, `removed` or `added`."""


class OwnFiles:
    """For all threads. `known` are the SHA-256 by name that an earlier life left."""

    def __init__(self, files: Sequence[Path], known: Mapping[str, str]) -> None:
        self._files = {path.name: path for path in files}
        self._known = {name: known[name] for name in self._files if name in known}
        self._lock = threading.Lock()

    def known(self) -> dict[str, str]:
        with self._lock:
            return dict(self._known)

    def write(self, path: Path, writing: Callable[[], object]) -> None:
        """Write a file of ours by calling `writing`: that is no change by hand. Raises what `writing` raises."""
        with self._lock:
            writing()
            self._known[path.name] = _sha256(path)

    def look(self) -> list[Told]:
        """What changed since it was last told; what an earlier life did not know is noted, not told."""
        told = []
        with self._lock:
            for name, path in self._files.items():
                before, now = self._known.get(name), _sha256(path)
                self._known[name] = now
                if before is not None and before != now:
                    told.append((path, "removed" if not now else "added" if not before else "changed"))
        return told


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
