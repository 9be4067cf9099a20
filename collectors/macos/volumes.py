"""Removable volumes as diskutil and the system profiler tell them; both are asked only when /Volumes changed."""

import os
import subprocess
from collections.abc import Sequence

from collectors.macos import diskutil
from collectors.sources.listed_media import ListedVolume
from collectors.sources.who import user_name

MOUNTED = "/Volumes"
WITHIN = 20.0


class Volumes:
    """For all threads: they only read what was last found."""

    def __init__(self) -> None:
        self._names: frozenset[str] | None = None
        self._found: tuple[ListedVolume, ...] = ()

    def removable(self) -> Sequence[ListedVolume]:
        """Raises OSError."""
        names = frozenset(os.listdir(MOUNTED))  # noqa: PTH208 - names alone
        if names != self._names:
            try:
                self._found = tuple(_look())
            except (ValueError, subprocess.SubprocessError) as error:
                raise OSError(f"the removable volumes cannot be listed: {error}") from error
            self._names = names
        return self._found

    def points(self) -> list[str]:
        return [volume.point for volume in self._found]


def _look() -> list[ListedVolume]:
    sticks = diskutil.sticks(_said("/usr/sbin/system_profiler", "SPUSBDataType", "-json"))
    user = user_name(os.stat("/dev/console").st_uid)  # noqa: PTH116 - whoever sits at the screen owns it
    names = diskutil.volumes_of(_said("/usr/sbin/diskutil", "list", "-plist", "external"))
    found = (diskutil.volume(_said("/usr/sbin/diskutil", "info", "-plist", name), sticks, user) for name in names)
    return [volume for volume in found if volume is not None]


def _said(*words: str) -> bytes:
    return subprocess.run(words, capture_output=True, check=True, timeout=WITHIN).stdout  # noqa: S603 - the system's own
