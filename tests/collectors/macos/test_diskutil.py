"""Volumes and sticks as diskutil and system_profiler print them."""

import plistlib

import orjson
import pytest

from collectors.macos import diskutil

LIST = {
    "AllDisksAndPartitions": [
        {"DeviceIdentifier": "disk4", "Partitions": [{"DeviceIdentifier": "disk4s1", "MountPoint": "/Volumes/USB"}]},
        {"DeviceIdentifier": "disk5", "Partitions": [{"DeviceIdentifier": "disk5s1"}]},
    ]
}
INFO = {
    "DeviceIdentifier": "disk4s1",
    "ParentWholeDisk": "disk4",
    "MountPoint": "/Volumes/USB",
    "VolumeName": "USB",
    "VolumeUUID": "0E239BC6-F960-3107-89CF-1C97F78BB46B",
    "FilesystemType": "msdos",
    "TotalSize": 32_000_000_000,
    "WritableVolume": True,
    "BusProtocol": "USB",
    "MediaName": "Ultra Media",
    "RemovableMediaOrExternalDevice": True,
}
PROFILE = {
    "SPUSBDataType": [
        {
            "_name": "USB31Bus",
            "_items": [
                {
                    "_name": "Hub",
                    "_items": [
                        {
                            "_name": "Ultra",
                            "manufacturer": "SanDisk",
                            "serial_num": "4C530001",
                            "Media": [{"bsd_name": "disk4"}],
                        }
                    ],
                }
            ],
        }
    ]
}


def test_a_stick_behind_a_hub_is_joined_to_its_volume() -> None:
    sticks = diskutil.sticks(orjson.dumps(PROFILE))
    found = diskutil.volume(plistlib.dumps(INFO), sticks, "kim")
    assert found is not None
    assert found.fields() == {
        "Vendor": "SanDisk",
        "Product": "Ultra",
        "Serial": "4C530001",
        "SizeBytes": 32_000_000_000,
        "DevicePath": "/dev/disk4s1",
        "FilesystemId": "0E239BC6-F960-3107-89CF-1C97F78BB46B",
        "FilesystemType": "msdos",
        "Label": "USB",
        "ReadOnly": False,
        "MountPoint": "/Volumes/USB",
        "User": "kim",
    }


def test_only_what_is_mounted_is_listed() -> None:
    assert diskutil.volumes_of(plistlib.dumps(LIST)) == ["disk4s1"]


def test_an_inner_volume_is_none_of_ours() -> None:
    inner = {**INFO, "BusProtocol": "Apple Fabric", "RemovableMediaOrExternalDevice": False}
    assert diskutil.volume(plistlib.dumps(inner), {}) is None


def test_without_the_profiler_the_media_name_serves() -> None:
    found = diskutil.volume(plistlib.dumps(INFO), {})
    assert found is not None
    assert (found.product, found.serial) == ("Ultra", "")


@pytest.mark.parametrize("raw", [b"", b"<plist>", b"nonsense", plistlib.dumps([1])])
def test_what_is_no_property_list_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="property list"):
        diskutil.volumes_of(raw)


def test_a_volume_of_apfs_is_found_on_its_made_up_disk_and_joined_to_the_stick_below() -> None:
    made_up = {
        "DeviceIdentifier": "disk6",
        "APFSVolumes": [{"DeviceIdentifier": "disk6s1", "MountPoint": "/Volumes/A"}],
    }
    listed = {"AllDisksAndPartitions": [*LIST["AllDisksAndPartitions"], made_up]}
    assert diskutil.volumes_of(plistlib.dumps(listed)) == ["disk4s1", "disk6s1"]
    info = {
        **INFO,
        "DeviceIdentifier": "disk6s1",
        "ParentWholeDisk": "disk6",
        "MountPoint": "/Volumes/A",
        "FilesystemType": "apfs",
        "APFSPhysicalStores": [{"APFSPhysicalStore": "disk4s2"}],
    }
    found = diskutil.volume(plistlib.dumps(info), diskutil.sticks(orjson.dumps(PROFILE)))
    assert found is not None
    assert (found.serial, found.filesystem) == ("4C530001", "apfs")


def test_an_image_that_is_mounted_is_no_stick() -> None:
    assert diskutil.volume(plistlib.dumps({**INFO, "BusProtocol": "Disk Image"}), {}) is None
