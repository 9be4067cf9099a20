"""Sets of small numbers as one whole number, for joining and cutting many at once."""


def places(bits: int) -> list[int]:
    """The places of the ones, lowest first."""
    found: list[int] = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found
