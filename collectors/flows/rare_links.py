"""Frames of link types that collectors.flows.link does not know (Wi-Fi, PPI …), through scapy's own process."""

import contextlib
import importlib.util
import select
import subprocess
import sys
from types import TracebackType

from collectors.flows.packet import RAW, Packet, Undecoded, decode
from collectors.flows.peel import ANSWER, REQUEST

ENOUGH = 30.0
"""Seconds within which an answer comes; the first includes scapy's start."""


class RareLinks:
    """The process starts with the first such frame and is not started again once it failed. Use as a context."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.failure = ""
        """Why such frames cannot be read, in words for people; empty while they can."""

    def decode(self, link: int, frame: bytes) -> Packet | Undecoded:
        """As collectors.flows.packet.decode; UNKNOWN_LINK where scapy does not know it either, or is not to be had."""
        if self.failure:
            return Undecoded.UNKNOWN_LINK
        try:
            size, packet = self._ask(link, frame)
        except (OSError, EOFError) as error:
            self.failure = f"the process that reads rare link types ended: {error}"
            self._end()
            return Undecoded.UNKNOWN_LINK
        if size > 0:
            return decode(RAW, packet)
        return Undecoded.NOT_IP if size == -1 else Undecoded.UNKNOWN_LINK

    def _ask(self, link: int, frame: bytes) -> tuple[int, bytes]:
        """Raises OSError or EOFError when the process is gone or silent."""
        process = self._process = self._process or self._begin()
        if process is None or process.stdin is None or process.stdout is None:
            return -2, b""
        process.stdin.write(REQUEST.pack(link, len(frame)) + frame)
        process.stdin.flush()
        if not select.select([process.stdout], [], [], ENOUGH)[0]:
            raise EOFError(f"no answer within {ENOUGH:.0f} s")
        head = process.stdout.read(ANSWER.size)
        if len(head) < ANSWER.size:
            raise EOFError("it stopped")
        size = ANSWER.unpack(head)[0]
        return size, process.stdout.read(size) if size > 0 else b""

    def _begin(self) -> "subprocess.Popen[bytes] | None":
        if importlib.util.find_spec("scapy") is None:
            self.failure = "frames of rare link types need scapy: install jikimi with the extra 'pcap'"
            return None
        command = [sys.executable, "-P", "-m", "collectors.flows.peel"]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing)  # noqa: S603 - our own program

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError):
                process.communicate()

    def __enter__(self) -> "RareLinks":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
