"""All files of a folder, one at a time, so that looking through them never stops anything else."""

import os
from collections.abc import Iterator


def files_below(top: str) -> Iterator[str]:
    """Regular files, without following links; "" for each folder that cannot be read."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = [
                    (entry.path, entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False))
                    for entry in entries
                ]
        except OSError:
            yield ""
            continue
        for path, is_folder, is_file in found:
            if is_folder:
                waiting.append(path)
            elif is_file:
                yield path
