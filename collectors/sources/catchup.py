"""What changed while nobody watched: files whose inode changed since then (ctime, which no program can set back)."""

import os
from collections.abc import Iterator

from collectors.sources.coalesce import Change


def changed_since(top: str, since: float) -> Iterator[Change]:
    """A `modify` for each file below `top` whose status changed at or after `since` (seconds since 1970).

    Reads and deletions leave no trace; a rename shows as `modify` of the new name.
    Folders that cannot be read are left out.
    """
    return (change for change in search(top, since) if change is not None)


def search(top: str, since: float) -> Iterator[Change | None]:
    """The same a folder at a time: None after each, when no folder is held open."""
    waiting = [top]
    while waiting:
        yield from _in_folder(waiting.pop(), since, waiting)
        yield None


def _in_folder(folder: str, since: float, waiting: list[str]) -> list[Change]:
    found: list[Change] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                changed = entry.stat(follow_symlinks=False).st_ctime
                if changed >= since:
                    found.append(Change("modify", entry.path, changed))
    except OSError:
        pass
    return found
