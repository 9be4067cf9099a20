"""Token buckets: a steady rate with a burst, one bucket a key, in memory of this process."""

import time
from collections import OrderedDict
from collections.abc import Callable

MAX_KEYS = 50_000


class Buckets:
    """Each key may spend `burst` at once and `rate` a second in the long run.

    The oldest untouched key is forgotten first once there are `MAX_KEYS`: a forgotten bucket is a full one.
    """

    def __init__(self, rate: float, burst: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._monotonic = monotonic
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str, cost: float) -> float:
        """Seconds until `cost` may be spent; 0 now. Spends nothing. A cost above the burst waits for a full bucket."""
        missing = min(cost, self._burst) - self._now(key)
        return max(0.0, missing / self._rate)

    def spend(self, key: str, cost: float) -> None:
        """Take `cost`, also into debt."""
        self._left[key] = (self._now(key) - cost, self._monotonic())
        self._left.move_to_end(key)
        if len(self._left) > MAX_KEYS:
            self._left.popitem(last=False)

    def _now(self, key: str) -> float:
        left, at = self._left.get(key, (self._burst, 0.0))
        return min(self._burst, left + (self._monotonic() - at) * self._rate)
