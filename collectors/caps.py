"""The agent watches its own weight: one that grew too heavy tells why and starts itself anew, like osquery's watchdog.

Memory is what the process holds now, processor time is averaged over `SUSTAINED`: a burst (a folder of 100,000 files,
the first minute) is no illness.
"""

import asyncio
import os
import time
from collections import deque
from typing import NamedTuple

import msgspec

from collectors.weight import resident

EVERY = 5.0
SUSTAINED = 60.0
"""Seconds that a cap has to be exceeded without a pause."""

_MB = 1 << 20


class Caps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The most the agent may take for a minute: `memory_mb` resident, `cpu_percent` of one core. 0 = no cap.

    A stick of 30,000 files or a company's whole build is work, and starting anew in the midst of it only makes the
    agent blind: the cap is for what turns in circles.
    """

    memory_mb: float = 200
    cpu_percent: float = 50


class Use(NamedTuple):
    """`at` monotonic seconds, `cpu` seconds of processor time so far, `memory` bytes resident."""

    at: float
    cpu: float
    memory: int


class Watchdog:
    """Give it what was used, in order; pure."""

    def __init__(self, caps: Caps, sustained: float = SUSTAINED) -> None:
        self._caps = caps
        self._sustained = sustained
        self._uses: deque[Use] = deque()
        self._light_at: float | None = None

    def too_heavy(self, use: Use) -> str:
        """Why the agent has to start anew, in a sentence; "" = it does not."""
        self._uses.append(use)
        while len(self._uses) > 2 and use.at - self._uses[1].at >= self._sustained:
            self._uses.popleft()
        over_cpu = self._over_cpu(use)
        if not self._caps.memory_mb or use.memory <= self._caps.memory_mb * _MB or self._light_at is None:
            self._light_at = use.at
        if use.at - self._light_at >= self._sustained:
            return (
                f"{use.memory / _MB:.0f} MB of memory for {self._sustained:.0f} s, {self._caps.memory_mb:.0f} allowed"
            )
        return over_cpu

    def _over_cpu(self, use: Use) -> str:
        first = self._uses[0]
        span = use.at - first.at
        if not self._caps.cpu_percent or span < self._sustained:
            return ""
        percent = 100 * (use.cpu - first.cpu) / span
        if percent <= self._caps.cpu_percent:
            return ""
        return f"{percent:.0f} % of a core for {span:.0f} s, {self._caps.cpu_percent:.0f} allowed"


async def watch(caps: Caps, restarts: int) -> str:
    """Returns with the reason once the agent is too heavy. After `restarts` in a row it is given twice as long each
    time, up to an hour: what starting anew did not cure is work that has to be done."""
    dog = Watchdog(caps, min(SUSTAINED * 2.0 ** min(restarts, 10), 3600.0))
    while not (why := dog.too_heavy(now())):  # noqa: ASYNC110 - nobody tells when a process grows heavy
        await asyncio.sleep(EVERY)
    return why


def now() -> Use:
    """Of this process."""
    times = os.times()
    return Use(time.monotonic(), times.user + times.system, resident())
