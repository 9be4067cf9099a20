"""The company's register of removable devices on this computer: judges without a line to the centre, by a clock that
does not run back."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from collectors.sources.memory import Memory
from jikimi.clock import Clock, utc_now
from jikimi.domain.event import format_time
from jikimi.domain.passport import Enforcement, MediaRegister, Verdict, judge


class Passports:
    """For all threads. `memory` keeps the highest time ever seen, over restarts.

    Setting the computer's clock back prolongs no approval: time is the latest of the clock, of what was seen before,
    and of what has passed since by the machine's own counter. Only the centre's word, which comes over an
    authenticated line, sets it back (after a clock that had run ahead).
    """

    def __init__(
        self,
        register: MediaRegister,
        memory: Memory,
        *,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._register = register
        self._memory = memory
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._highest = _time(memory.load().get("highest")) or clock()
        self._at = monotonic()

    @property
    def enforcement(self) -> Enforcement:
        return self._register.enforcement

    def now(self) -> datetime:
        """Never earlier than before."""
        with self._lock:
            passed = timedelta(seconds=self._monotonic() - self._at)
            self._highest = max(self._clock(), self._highest + passed)
            self._at = self._monotonic()
            return self._highest

    def replace(self, register: MediaRegister) -> None:
        self._register = register

    def heard(self, centre_time: datetime) -> None:
        """The centre's clock counts more than this computer's. Raises OSError when it cannot be kept."""
        with self._lock:
            self._highest, self._at = centre_time, self._monotonic()
        self.keep()

    def keep(self) -> None:
        """Write the highest time down. Raises OSError."""
        self._memory.save({"highest": format_time(self.now())})

    def judge(self, event: Mapping[str, object]) -> Verdict | None:
        """None when the company keeps no register."""
        return judge(self._register, event, self.now())


def _time(told: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
