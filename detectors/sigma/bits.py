"""Sets of small numbers as one whole number, for joining and cutting many at once."""

from collections.abc import Iterable


def joined(numbers: Iterable[int]) -> int:
    """All the ones of several numbers."""
    found = 0
    for bits in numbers:
        found |= bits
    return found


def places(bits: int) -> list[int]:
    """The places of the ones, lowest first."""
    found: list[int] = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found
