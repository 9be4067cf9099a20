"""Syslog messages out of a TCP or TLS stream (RFC 6587, 5425): a length before each, or a line each."""

import re

from collectors.network_devices.syslog import LONGEST

_COUNT = re.compile(rb"([1-9]\d{0,6}) (?=<)")
_COUNT_OF_ANY = re.compile(rb"([1-9]\d{0,6}) ")
"""Before a message without a priority: believed of a sender that has counted before."""
_MAYBE_COUNT = re.compile(rb"[1-9]\d{0,6} ?$")


class Framing:
    """One connection's bytes in, messages out; keeps at most one message of LONGEST bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0
        self._skip_line = False
        self._count = _COUNT
        self.cut = 0
        """Messages longer than LONGEST, or that the connection ended within: only the beginning was given."""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole by now."""
        data = self._rest + data
        messages: list[bytes] = []
        at = 0
        while at < len(data):
            if self._skip or self._skip_line:
                at = self._pass_over(data, at)
                continue
            end = self._next(data, at, messages)
            if end == at:
                break
            at = end
        self._rest = data[at:]
        return messages

    def close(self) -> list[bytes]:
        """What the connection ended within; counted as cut when more was announced."""
        rest, self._rest = self._rest, b""
        if counted := self._count.match(rest):
            self.cut += 1
            rest = rest[counted.end() :]
        return [rest] if rest.strip() else []

    def _pass_over(self, data: bytes, at: int) -> int:
        """The rest of a message that was cut."""
        if self._skip:
            step = min(self._skip, len(data) - at)
            self._skip -= step
            return at + step
        line = data.find(b"\n", at)
        self._skip_line = line < 0
        return len(data) if line < 0 else line + 1

    def _next(self, data: bytes, at: int, messages: list[bytes]) -> int:
        """Where the message at `at` ends, which is appended; `at` itself while more bytes are needed."""
        counted = self._count.match(data, at)
        if counted:
            self._count = _COUNT_OF_ANY
            size, start = int(counted[1]), counted.end()
            if len(data) - start >= min(size, LONGEST):
                self._append(data[start : start + size], messages, size)
                self._skip = max(0, start + size - len(data))
                return min(start + size, len(data))
            return at
        if len(data) - at < 9 and _MAYBE_COUNT.match(data, at):
            return at
        line = data.find(b"\n", at)
        if line < 0:
            if len(data) - at <= LONGEST:
                return at
            self._append(data[at:], messages, LONGEST + 1)
            self._skip_line = True
            return len(data)
        self._append(data[at:line], messages, line - at)
        return line + 1

    def _append(self, message: bytes, messages: list[bytes], size: int) -> None:
        self.cut += size > LONGEST
        if message.strip(b"\r\n\0 "):
            messages.append(message[:LONGEST])
