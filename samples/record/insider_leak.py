"""Writes samples/stories/insider_leak.ndjson to standard output.

A researcher of a fictional company stays until 22:41, mounts a stick nobody registered, reads 214 protected drawings
within seven minutes, writes them to the stick and takes it off.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 20, 13, 41, tzinfo=UTC)  # a Friday, 22:41 in Seoul
DRAWINGS = 214
PC = {"Hostname": "설계PC-07", "User": "EXAMPLE\\yj.choi"}
STICK = {
    "Vendor": "ExampleCorp",
    "Product": "Flash 64G",
    "Serial": "EX0064-77120",
    "FilesystemId": "4A1B-77C2",
    "FilesystemType": "exfat",
    "Label": "BACKUP",
    "SizeBytes": 61_872_793_600,
    "ReadOnly": False,
    "MountPoint": "E:\\",
}


def main() -> None:
    for moment, category, event in story():
        stamp = (START + timedelta(seconds=moment)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        logsource = {"product": "jikimi", "category": category}
        line = {"@timestamp": stamp, "logsource": logsource} | PC | event
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


def story() -> Iterator[tuple[float, str, dict[str, Any]]]:
    """(seconds after START, category, event)."""
    yield 0, "removable_media", {"Action": "connect"} | STICK
    yield 2, "removable_media", {"Action": "mount"} | STICK
    for n in range(DRAWINGS):
        name = f"감속기-{n // 12 + 1:02}-{n % 12 + 1:02}.dwg"
        size = 900_000 + 7_919 * n
        moment = 40 + 1.9 * n
        explorer = {"Image": "C:\\Windows\\explorer.exe", "ProcessId": 5312, "SizeBytes": size}
        source = {
            "Action": "read",
            "TargetFilename": f"D:\\보호문서\\감속기\\{name}",
            "Protected": True,
            "Removable": False,
        }
        target = {"Action": "create", "TargetFilename": f"E:\\사진\\{name}", "Protected": False, "Removable": True}
        yield moment, "file_access", source | explorer
        yield moment + 0.6, "file_access", target | explorer
    yield 40 + 1.9 * DRAWINGS + 20, "removable_media", {"Action": "unmount"} | STICK
    yield 40 + 1.9 * DRAWINGS + 24, "removable_media", {"Action": "disconnect"} | STICK


main()
