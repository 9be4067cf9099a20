"""One run of dumpcap (Wireshark's capture program) that writes a ring of files into a folder of its own."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collectors.evidence.settings import MEGABYTE, CaptureSettings
from collectors.flows.capture import frames
from jikimi.clock import utc_now
from jikimi.domain.evidence import narrowed
from jikimi.errors import Transient

START_WITHIN = 10.0
STOP_WITHIN = 10.0

_COUNTS = re.compile(r"Packets received/dropped on interface '[^']*': (\d+)/(\d+)")
_NO_REASON = ("Capturing on", "File:", "Packets")
_PID = "dumpcap.pid"
_BALLAST = "ballast"
"""Given up at the end: room for the manifest and the answer on a disk that others filled meanwhile."""
_FIRST = "ring_00001_"  # dumpcap's name for the first file of a ring


class Ring:
    """Captures until `stop` what the settings' filter and `asked` both let through. Raises Transient when dumpcap is
    missing, may not or cannot capture, Misconfigured when `asked` is no filter."""

    def __init__(self, settings: CaptureSettings, folder: Path, asked: str = "") -> None:
        self.filter = narrowed(settings.filter, asked) if asked else settings.filter
        program = shutil.which("dumpcap")
        if program is None:
            raise Transient("dumpcap is not installed (Debian and Ubuntu: apt install wireshark-common)")
        free = shutil.disk_usage(folder.parent).free
        if free < 2 * settings.ring_bytes:
            needed = 2 * settings.ring_bytes // MEGABYTE
            raise Transient(f"{folder.parent}: {free // MEGABYTE} MiB free, two rings need {needed}")
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.received = self.dropped = 0
        """Packets, known when stopped; `dropped` found no room in the kernel's or dumpcap's buffer."""
        self.began = self.ended = utc_now()
        command = [program, "-q", "-i", settings.interface, "-w", str(folder / "ring.pcapng")]
        command += ["-b", f"filesize:{settings.megabytes_each * 1024}", "-b", f"files:{settings.files}"]
        command += ["-s", str(settings.snap)] if settings.snap else []
        command += ["-f", self.filter] if self.filter else []
        (folder / _BALLAST).write_bytes(bytes(64 * 1024))
        self._said = (folder / "dumpcap.log").open("w+b")
        self._process = subprocess.Popen(  # noqa: S603 - no shell; the settings are the owner's
            command, stdin=subprocess.DEVNULL, stdout=self._said, stderr=self._said
        )
        (folder / _PID).write_text(str(self._process.pid))
        try:
            self._wait_for_the_first_file()
        except Transient:
            self.stop()
            shutil.rmtree(folder)
            raise
        self.began = utc_now()

    def runs(self) -> bool:
        return self._process.poll() is None

    def files(self) -> list[Path]:
        """The capture files, the oldest first."""
        return sorted(self.folder.glob("*.pcapng"), key=lambda path: path.stat().st_mtime_ns)

    def holds_since(self) -> datetime:
        """From when on every packet is in the files: the capture's beginning or, once older files were written over,
        the first packet of the oldest that is left."""
        oldest = next(iter(self.files()), None)
        if oldest is None or oldest.name.startswith(_FIRST):
            return self.began
        with oldest.open("rb") as stream:
            frame = next(frames(stream, lambda _: None), None)
        first = frame.time / 1e9 if frame else oldest.stat().st_mtime
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=first)

    def stop(self) -> None:
        """Ends the capture; every packet received by then is in the files."""
        self.ended = utc_now()
        if not self.runs() and (files := self.files()):
            self.ended = datetime.fromtimestamp(files[-1].stat().st_mtime, UTC)  # it had ended by itself
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        (self.folder / _BALLAST).unlink(missing_ok=True)
        if counts := _COUNTS.search(self._wrote()):
            self.received, self.dropped = int(counts[1]), int(counts[2])
        self._said.close()

    def discard(self) -> None:
        """Remove what a stopped capture still holds."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def reason(self) -> str:
        """What dumpcap says about why it ended."""
        lines = (line.strip().removeprefix("dumpcap: ") for line in self._wrote().splitlines())
        told = " ".join(line for line in lines if line and not line.startswith(_NO_REASON))
        return told[:400] or "it ended without a word"

    def _wrote(self) -> str:
        """Of which the end is kept."""
        self._said.seek(0)
        return self._said.read()[-4096:].decode("utf-8", "replace")

    def _wait_for_the_first_file(self) -> None:
        end = time.monotonic() + START_WITHIN
        while not self.files():
            if not self.runs():
                raise Transient(f"dumpcap cannot capture: {self.reason()}")
            if time.monotonic() > end:
                raise Transient(f"dumpcap did not begin within {START_WITHIN:.0f} s")
            time.sleep(0.05)


def end_leftovers(folder: Path) -> None:
    """Rings of an agent that was killed: their dumpcap is ended, their files are removed."""
    for old in folder.glob("ring-*"):
        with contextlib.suppress(OSError, ValueError):
            pid = int((old / _PID).read_text())
            if str(old).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)
        shutil.rmtree(old, ignore_errors=True)
