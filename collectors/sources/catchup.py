"""What changed while nobody watched: files whose inode changed since then (ctime, which no program can set back)."""

import os
from collections.abc import Iterator

from collectors.sources.coalesce import Change


def changed_since(top: str, since: float) -> Iterator[Change]:
    """A `modify` for each file below `top` whose status changed at or after `since` (seconds since 1970).

    Reads and deletions leave no trace; a rename shows as `modify` of the new name.
    Folders that cannot be read are left out.
    """
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                        continue
                    changed = entry.stat(follow_symlinks=False).st_ctime
                    if changed >= since:
                        yield Change("modify", entry.path, changed)
        except OSError:
            continue
