"""Removable volumes from `diskutil info -plist` and `system_profiler SPUSBDataType -json`. Pure.

diskutil(8), system_profiler(8). diskutil knows volumes but no serial number of the stick, the profiler the other way
round; the disk's BSD name joins them.
"""

import plistlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from xml.parsers.expat import ExpatError

import orjson

from collectors.sources.listed_media import ListedVolume


class Stick(NamedTuple):
    """What a USB device says of itself."""

    vendor: str
    product: str
    serial: str


IMAGE = "Disk Image"
_PARTITION = re.compile(r"(disk\d+)s\d+")
NO_STICK = Stick("", "", "")


def volumes_of(listed: bytes) -> list[str]:
    """The identifiers (disk4s1) in `diskutil list -plist external`. Raises ValueError."""
    told = _plist(listed)
    parts = [
        part
        for disk in told.get("AllDisksAndPartitions", ())
        for part in (disk, *disk.get("Partitions", ()), *disk.get("APFSVolumes", ()))
    ]
    return [part["DeviceIdentifier"] for part in parts if part.get("MountPoint")]


def volume(info: bytes, sticks: Mapping[str, Stick], user: str = "") -> ListedVolume | None:
    """None for what is not mounted, or not from outside. Raises ValueError."""
    told = _plist(info)
    outside = told.get("RemovableMediaOrExternalDevice") or told.get("Removable") or told.get("BusProtocol") == "USB"
    if not told.get("MountPoint") or not outside or told.get("BusProtocol") == IMAGE:
        return None
    whole = _disk_of(told)
    stick = sticks.get(whole, NO_STICK)
    return ListedVolume(
        told["MountPoint"],
        f"/dev/{told.get('DeviceIdentifier', '')}",
        stick.vendor,
        stick.product or told.get("MediaName", "").removesuffix(" Media").strip(),
        stick.serial,
        int(told.get("TotalSize") or told.get("Size") or 0),
        told.get("VolumeUUID") or told.get("DiskUUID", ""),
        told.get("FilesystemType", ""),
        told.get("VolumeName", ""),
        not told.get("WritableVolume", True),
        user,
    )


def _disk_of(info: Mapping[str, Any]) -> str:
    """The disk that can be held in a hand: a volume of APFS lies on one that is made up, on a partition of it."""
    stores = [store.get("APFSPhysicalStore", "") for store in info.get("APFSPhysicalStores", ())]
    if stores and (partition := _PARTITION.fullmatch(stores[0])):
        return partition[1]
    return str(info.get("ParentWholeDisk") or info.get("DeviceIdentifier", ""))


def sticks(profile: bytes) -> dict[str, Stick]:
    """By BSD name of the disk (disk4). Raises ValueError."""
    return dict(_below(orjson.loads(profile).get("SPUSBDataType", ())))


def _below(items: Any) -> Iterator[tuple[str, Stick]]:
    """Hubs hold devices in `_items`, devices their disks in `Media`."""
    for item in items:
        found = Stick(
            item.get("manufacturer") or item.get("vendor_id", ""), item.get("_name", ""), item.get("serial_num", "")
        )
        for medium in item.get("Media", ()):
            if name := medium.get("bsd_name"):
                yield name, found
        yield from _below(item.get("_items", ()))


def _plist(raw: bytes) -> dict[str, Any]:
    try:
        told = plistlib.loads(raw)
    except (plistlib.InvalidFileException, ExpatError, ValueError) as error:
        raise ValueError(f"not a property list: {error}") from error
    if not isinstance(told, dict):
        raise ValueError("a property list without keys")
    return told
