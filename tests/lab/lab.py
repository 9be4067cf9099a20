"""What the lab tests are made of: sources in threads, sticks on loop devices, networks in namespaces."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from collectors.sources.feed import Feed, Source

ENOUGH = 60.0


class Watching:
    """A source in a thread; `events` grows."""

    def __init__(self, source: Source, capacity: int = 100_000) -> None:
        self.feed = Feed(source.name, "lab", capacity=capacity)
        self.events: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._source = source
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._source.run(self.feed, self._stop)
        except BaseException as error:  # told to the test by __exit__
            self._errors.append(error)

    def __enter__(self) -> "Watching":
        self._thread.start()
        self.until(lambda: self.feed.state != "starting")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(ENOUGH)
        self.look()
        if self._errors:
            raise self._errors[0]

    def look(self) -> list[dict[str, Any]]:
        while taken := self.feed.take(10_000):
            self.events += [observation.event for observation in taken]
        return self.events

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + ENOUGH
        while not true():
            assert not self._errors, self._errors
            assert time.monotonic() < deadline, f"waited in vain; saw {self.events[-5:]}"
            time.sleep(0.02)
            self.look()

    def having(self, **fields: Any) -> list[dict[str, Any]]:
        return [event for event in self.look() if all(event.get(name) == value for name, value in fields.items())]


def do(*command: str | Path) -> str:
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, timeout=ENOUGH).stdout


@contextlib.contextmanager
def stick(image: Path, *, label: str) -> Iterator[str]:
    """A formatted 16 MB "USB stick" on a free loop device (`loop3`), until leaving."""
    with image.open("wb") as file:
        file.truncate(16 << 20)
    do("mkfs.ext4", "-q", "-L", label, image)
    device = do("losetup", "--find", "--show", image).strip()
    try:
        yield device.removeprefix("/dev/")
    finally:
        do("losetup", "--detach", device)


def unmount(point: Path, tries: int = 50) -> None:
    """As one who ejects a stick does: again while it is busy, for the agent may be looking through it just now."""
    for _ in range(tries):
        if not subprocess.run(["umount", str(point)], check=False, capture_output=True, timeout=ENOUGH).returncode:
            return
        time.sleep(0.1)
    do("umount", "--lazy", point)  # so that it is in no other test's way
    raise AssertionError(f"{point} stays busy")


def mount(device: str, point: Path, tries: int = 50) -> None:
    """Again while the kernel still ends the mount before: until then a stick that was read-only stays so."""
    for _ in range(tries):
        command = ["mount", f"/dev/{device}", str(point)]
        if not subprocess.run(command, check=False, capture_output=True, timeout=ENOUGH).returncode:
            return
        time.sleep(0.1)
    do("mount", f"/dev/{device}", point)


@contextlib.contextmanager
def mounted(device: str, point: Path) -> Iterator[Path]:
    point.mkdir(exist_ok=True)
    mount(device, point)
    try:
        yield point
    finally:
        unmount(point)
