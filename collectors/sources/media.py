"""Removable media: connected, mounted, unmounted, disconnected. Works the same without root.

Connections come from the kernel's own uevents (pyudev, `source="kernel"`, so udevd need not run); mounts from
/proc/self/mountinfo, polled for change. What was already mounted when the agent started is told once a boot.
"""

import select
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyudev

from collectors.passports import Passports
from collectors.sources import blocks, volumes
from collectors.sources.blocks import SYS, Block
from collectors.sources.feed import Feed
from collectors.sources.guard import Guard
from collectors.sources.memory import Memory
from collectors.sources.mounts import CHANGED, Mount, MountTable
from collectors.sources.volumes import Volume
from collectors.sources.who import readable
from jikimi.domain.logsource import REMOVABLE_MEDIA

Told = dict[str, dict[str, object]]
"""Event fields by what they describe."""

TICK_MS, DEAF_TICK_MS = 1000, 500
"""Between rounds where the kernel tells of changes, and where it does not."""
LOOK_AFTER = 2.0
"""Seconds after which mounted volumes are judged again: an approval ends by time alone."""
MOMENT = 1.0
"""Seconds within which a volume is watched by the file source after it was mounted."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass
class Media:
    """`memory` keeps what was already told, over restarts of the agent."""

    memory: Memory
    loop_is_removable: bool = False
    passports: Passports | None = None
    name: str = "media"
    sys: Path = SYS
    _disks: Told = field(default_factory=dict, init=False)
    _mounts: Told = field(default_factory=dict, init=False)
    _since: dict[str, float] = field(default_factory=dict, init=False)
    _table: list[Mount] = field(default_factory=list, init=False)
    _present: dict[str, Block] = field(default_factory=dict, init=False)
    _guard: Guard = field(default_factory=Guard, init=False)
    _looked_at: float = field(default=0.0, init=False)
    _changed_at: float = field(default=0.0, init=False)

    def run(self, feed: Feed, stop: threading.Event) -> None:
        """Blocks until `stop`. Raises OSError when mountinfo cannot be read."""
        uevents, without = _listen()
        self._guard = Guard(self.passports, self.loop_is_removable, self.sys)
        self._recall()
        with MountTable() as table:
            poll = select.poll()
            poll.register(table.fileno(), CHANGED)
            if uevents is not None:
                poll.register(uevents.fileno(), select.POLLIN)
            feed.running("uevents and mountinfo" if uevents else "mountinfo", without)
            self._look(feed, table)
            while not stop.is_set():
                ready = {fd for fd, _ in poll.poll(TICK_MS if uevents is not None else DEAF_TICK_MS)}
                if uevents is not None and uevents.fileno() in ready:
                    while uevents.poll(timeout=0) is not None:
                        pass
                    self._look(feed, table)
                elif uevents is None or self._due():
                    self._look(feed, table, disks=uevents is None)
                elif table.fileno() in ready and self._mounts_changed(table):
                    self._look(feed, table, disks=False)
                self._save(feed)
            self._save(feed, ends=True)

    def _due(self) -> bool:
        """Without a volume nothing can be judged anew: the kernel tells of the rest."""
        return bool(self._mounts) and time.monotonic() - self._looked_at >= LOOK_AFTER

    def _recall(self) -> None:
        """Take over what an earlier run told, unless the machine was started anew since."""
        told = self.memory.load()
        if told.get("boot") == _boot():
            self._disks, self._mounts = told.get("disks", {}), told.get("mounts", {})

    def _mounts_changed(self, table: MountTable) -> bool:
        """Containers mount and unmount all day what lies on no device."""
        return [mount for mount in table.read() if volumes.on_a_device(mount)] != self._table

    def _look(self, feed: Feed, table: MountTable, *, disks: bool = True) -> None:
        """`disks`: whether some may have come or gone."""
        self._looked_at = time.monotonic()
        if disks:
            found = blocks.disks(sys=self.sys, loop_is_removable=self.loop_is_removable)
            self._present = {f"{disk.name} {disk.serial}": disk for disk in found}
        self._table = [mount for mount in table.read() if volumes.on_a_device(mount)]
        mounted = volumes.removable(self._table, sys=self.sys, loop_is_removable=self.loop_is_removable)
        disks_now = self._present
        mounts_now = {volume.key: volume for volume in mounted}
        for key in disks_now.keys() - self._disks.keys():
            self._disks[key] = self._judged("connect", _disk_fields(disks_now[key]))
            _tell(feed, "connect", self._disks[key])
        points = {volume.mount.point for volume in mounted}
        for key in self._mounts.keys() - mounts_now.keys():
            self._unmounted(feed, key, points)
        for key in mounts_now.keys() - self._mounts.keys():
            self._mounts[key] = self._judged("mount", _volume_fields(mounts_now[key]))
            self._since[key] = time.time()
            _tell(feed, "mount", self._mounts[key])
        for key in self._disks.keys() - disks_now.keys():
            _tell(feed, "disconnect", self._disks.pop(key))
        self._guard.look(feed, {key: (volume, self._mounts[key]) for key, volume in mounts_now.items()})
        self._changed_at = time.time()

    def _save(self, feed: Feed, *, ends: bool = False) -> None:
        """Not before what was told is in the spool: after a kill it is told again rather than never."""
        if self._changed_at and (ends or feed.safe_until() > self._changed_at):
            self.memory.save({"boot": _boot(), "disks": self._disks, "mounts": self._mounts})
            self._changed_at = 0.0

    def _unmounted(self, feed: Feed, key: str, points: set[str]) -> None:
        told, since = self._mounts.pop(key), self._since.pop(key, 0.0)
        _tell(feed, "unmount", told)
        point = str(told.get("MountPoint"))
        if time.time() - since < MOMENT and point not in points:
            why = f"{point} was mounted for a moment only: what was written to it may not have been seen"
            feed.blind(why, datetime.fromtimestamp(since, UTC))

    def _judged(self, action: str, fields: dict[str, object]) -> dict[str, object]:
        return {**fields, **self._guard.fields({"Action": action, **fields})}


def _tell(feed: Feed, action: str, fields: dict[str, object]) -> None:
    feed.emit(REMOVABLE_MEDIA, {"Action": action, **fields})


def _listen() -> tuple[pyudev.Monitor | None, str]:
    """The kernel's uevents, or why they cannot be had."""
    try:
        monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source="kernel")
        monitor.filter_by("block")
        monitor.start()
    except (OSError, ImportError) as error:
        return None, f"kernel device events cannot be had ({error}): devices are looked for every half second"
    return monitor, ""


def _disk_fields(block: Block) -> dict[str, object]:
    return {
        "Vendor": block.vendor,
        "Product": block.product,
        "Serial": block.serial,
        "SizeBytes": block.size or None,
        "DevicePath": f"/dev/{block.name}",
    }


def _volume_fields(volume: Volume) -> dict[str, object]:
    mount, block = volume
    name = volumes.identity(block.name)
    return {
        **_disk_fields(block),
        "FilesystemId": name.uuid,
        "FilesystemType": mount.kind,
        "Label": name.label,
        "ReadOnly": mount.read_only,
        "MountPoint": readable(mount.point),
        "User": volumes.mounting_user(mount),
    }


def _boot() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""
