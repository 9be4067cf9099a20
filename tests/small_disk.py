"""A real disk that is soon full. `small_disk` is a fixture (tests/conftest.py)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    mount, umount = shutil.which("mount"), shutil.which("umount")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [str(mount), "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if not mount or not umount or subprocess.run(command, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    yield disk
    subprocess.run([umount, "-l", disk], check=True)  # lazily: a failed test leaves its log open


def hog(disk: Path) -> Path:
    """Somebody else takes all that is left."""
    path = disk / "hog"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return path
