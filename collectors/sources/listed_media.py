"""Removable media on systems that are asked for a list of their volumes: Windows and macOS.

A device is told when its first volume appears: one that the system cannot mount stays unseen here.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collectors.passports import Passports
from collectors.sources.feed import Feed
from collectors.sources.memory import Memory
from jikimi.domain.logsource import REMOVABLE_MEDIA

EVERY = 1.0
"""Seconds between two looks."""


class ListedVolume(msgspec.Struct, frozen=True):
    """A mounted removable volume; unknown parts are empty. `device` is the system's name for the disk below it."""

    point: str
    device: str
    vendor: str = ""
    product: str = ""
    serial: str = ""
    size: int = 0
    filesystem_id: str = ""
    filesystem: str = ""
    label: str = ""
    read_only: bool = False
    user: str = ""

    @property
    def key(self) -> str:
        """Changes when another medium is at the same place."""
        return f"{self.point} {self.device} {self.serial} {self.filesystem_id}"

    def fields(self) -> dict[str, object]:
        """As `removable_media` events tell it."""
        return {
            "Vendor": self.vendor,
            "Product": self.product,
            "Serial": self.serial,
            "SizeBytes": self.size or None,
            "DevicePath": self.device,
            "FilesystemId": self.filesystem_id,
            "FilesystemType": self.filesystem,
            "Label": self.label,
            "ReadOnly": self.read_only,
            "MountPoint": self.point,
            "User": self.user,
        }


@dataclass
class ListedMedia:
    """`look` gives the volumes that are there now; it may raise OSError. `memory` keeps what was told."""

    look: Callable[[], Sequence[ListedVolume]]
    memory: Memory
    passports: Passports | None = None
    way: str = "the list of volumes"
    name: str = field(default="media", init=False)
    _told: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)
    _told_at: float = field(default=0.0, init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError."""
        self._told = self.memory.load().get("volumes", {})
        feed.running(self.way)
        while not stop.is_set():
            self.round(feed)
            stop.wait(EVERY)
            self.save(feed)
        self.save(feed, ends=True)

    def round(self, feed: Feed) -> None:
        """Tell what came and what went."""
        now = {volume.key: volume for volume in self.look()}
        for key in self._told.keys() - now.keys():
            gone = self._told.pop(key)
            feed.emit(REMOVABLE_MEDIA, {"Action": "unmount", **gone})
            feed.emit(REMOVABLE_MEDIA, {"Action": "disconnect", **gone})
        for key in now.keys() - self._told.keys():
            told = now[key].fields()
            self._told[key] = {**told, **self._judged(told)}
            feed.emit(REMOVABLE_MEDIA, {"Action": "connect", **self._told[key]})
            feed.emit(REMOVABLE_MEDIA, {"Action": "mount", **self._told[key]})
        self._told_at = time.time()

    def save(self, feed: Feed, *, ends: bool = False) -> None:
        """Not before what was told is in the spool: after a kill it is told again rather than never."""
        if ends or feed.safe_until() > self._told_at:
            self.memory.save({"volumes": self._told})

    def _judged(self, told: dict[str, object]) -> dict[str, object]:
        verdict = self.passports.judge({"Action": "mount", **told}) if self.passports else None
        return {"Passport": verdict.judgement, "PassportHolder": verdict.holder} if verdict else {}
