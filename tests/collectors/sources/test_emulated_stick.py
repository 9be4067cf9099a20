"""A USB stick as the kernel shows it, emulated by umockdev: the media source tells whose it is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STICK = Path(__file__).with_name("stick.umockdev")
WATCH = """
import json, sys, threading
from pathlib import Path
from datetime import UTC, datetime
from collectors.passports import Passports
from collectors.sources.feed import Feed
from collectors.sources.media import Media
from collectors.sources.memory import Memory
from jikimi.domain.passport import allowing

register = allowing("4C530001230512", since=datetime(2026, 1, 1, tzinfo=UTC))
folder = Path(sys.argv[1])
feed, stop = Feed("media", "PC"), threading.Event()
media = Media(Memory(folder / "media.json"), passports=Passports(register, Memory(folder / "clock.json")))
thread = threading.Thread(target=media.run, args=(feed, stop))
thread.start()
while not len(feed):
    stop.wait(0.05)
stop.set()
thread.join()
print(json.dumps([observation.event for observation in feed.take(10)]))
"""


@pytest.mark.skipif(not shutil.which("umockdev-run"), reason="no umockdev here")
def test_a_stick_is_told_with_vendor_product_serial_size_and_its_passport(tmp_path: Path) -> None:
    command = ["umockdev-run", "--device", str(STICK), "--", sys.executable, "-c", WATCH, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    [event] = [event for event in json.loads(told) if event.get("DevicePath") == "/dev/sdz"]
    assert event.items() >= {
        ("Action", "connect"),
        ("Vendor", "ExampleCorp"),
        ("Product", "Flash 64G"),
        ("Serial", "4C530001230512"),
        ("SizeBytes", 125042688 * 512),
        ("Passport", "allowed"),
    }
