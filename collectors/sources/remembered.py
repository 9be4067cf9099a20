"""Numbers heard of in the last minutes, in some ten bytes each: a dict would take ten times that."""

from array import array

_LEAST = 1024
_GENERATIONS = 3
_MARK = 1 << 63
"""An empty place is 0, and a number may be."""


class Remembered:
    """Keeps each number at least `seconds`, mostly not much longer. Numbers have 63 bits and are spread evenly.

    A generation is a hash table with open addressing (Knuth, TAOCP 3, 6.4, algorithm L).
    """

    def __init__(self, seconds: float) -> None:
        self._turn = seconds / (_GENERATIONS - 1)
        self._turned = float("-inf")
        self._tables = [_places(_LEAST) for _ in range(_GENERATIONS)]
        """The newest last."""
        self._newest = 0
        """Numbers in the newest."""

    def add(self, number: int, now: float) -> bool:
        """False when it is remembered already. `now` in seconds, rising."""
        if now - self._turned >= self._turn:
            self._begin_anew(now)
        marked, place = number | _MARK, 0
        for places in self._tables:  # written out here: it is done for every flow
            last = len(places) - 1
            place = marked & last
            while (known := places[place]) and known != marked:
                place = (place + 1) & last
            if known:
                return False
        self._tables[-1][place] = marked
        self._newest += 1
        if self._newest * 3 >= len(self._tables[-1]) * 2:
            self._tables[-1] = _larger(self._tables[-1])
        return True

    def _begin_anew(self, now: float) -> None:
        gone = now - self._turned >= self._turn * _GENERATIONS
        kept = [_places(_LEAST) for _ in self._tables[1:]] if gone else self._tables[1:]
        self._tables = [*kept, _places(_LEAST)]
        self._turned, self._newest = now, 0


def _places(count: int) -> "array[int]":
    return array("Q", bytes(8 * count))


def _larger(places: "array[int]") -> "array[int]":
    larger = _places(2 * len(places))
    last = len(larger) - 1
    for marked in filter(None, places):
        place = marked & last
        while larger[place]:
            place = (place + 1) & last
        larger[place] = marked
    return larger
