"""Whether bytes look encrypted: as even as dice, and of no format that is dense by itself."""

import math
import zlib
from collections import Counter

from collectors.leak.kinds import kind_of

SAMPLE = 64 * 1024
LEAST = 512
"""Fewer bytes prove nothing."""


def looks_encrypted(head: bytes) -> bool:
    """From the first `SAMPLE` bytes. True also for what says so itself (OpenPGP, openssl, age)."""
    kind = kind_of(head)
    if kind == "encrypted":
        return True
    if kind or len(head) < LEAST:
        return False
    return bits_a_byte(head) >= even_dice(len(head)) and len(zlib.compress(head, 1)) >= len(head)


def bits_a_byte(sample: bytes) -> float:
    """Shannon entropy, 0 to 8."""
    total = len(sample)
    return -sum(n / total * math.log2(n / total) for n in Counter(sample).values()) if total else 0.0


def even_dice(count: int) -> float:
    """What `count` random bytes reach at least: 8 less the expected shortfall of a small sample (Miller and Madow,
    255 / 2n nats), twice over."""
    return 8 - 2 * 255 / (2 * count * math.log(2)) if count >= 4096 else 8 - 3 * 255 / (2 * count * math.log(2))
