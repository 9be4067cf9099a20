"""Numbers heard of in the last minutes, in some ten bytes each: a dict would take ten times that."""

from array import array

_LEAST = 1024
_GENERATIONS = 3


class Remembered:
    """Keeps each number at least `seconds`, mostly not much longer. Numbers have 63 bits and are spread evenly."""

    def __init__(self, seconds: float) -> None:
        self._turn = seconds / (_GENERATIONS - 1)
        self._turned = float("-inf")
        self._tables = [_Table() for _ in range(_GENERATIONS)]

    def add(self, number: int, now: float) -> bool:
        """False when it is remembered already. `now` in seconds, rising."""
        if now - self._turned >= self._turn:
            gone = now - self._turned >= self._turn * _GENERATIONS
            self._turned = now
            self._tables = [_Table(), *([_Table(), _Table()] if gone else self._tables[:-1])]
        if any(number in table for table in self._tables):
            return False
        self._tables[0].add(number)
        return True


class _Table:
    """A hash table with open addressing (Knuth, TAOCP 3, 6.4, algorithm L); 0 is an empty place."""

    def __init__(self, places: int = _LEAST) -> None:
        self._places = array("Q", bytes(8 * places))
        self._count = 0

    def __contains__(self, number: int) -> bool:
        return self._places[self._place(number | 1 << 63)] != 0

    def add(self, number: int) -> None:
        if self._count * 3 >= len(self._places) * 2:
            before, self._places, self._count = self._places, array("Q", bytes(16 * len(self._places))), 0
            for known in before:
                if known:
                    self._put(known)
        self._put(number | 1 << 63)

    def _put(self, marked: int) -> None:
        self._places[self._place(marked)] = marked
        self._count += 1

    def _place(self, marked: int) -> int:
        """Of this number, or the empty one where it belongs."""
        places = self._places
        last = len(places) - 1
        place = marked & last
        while (known := places[place]) and known != marked:
            place = (place + 1) & last
        return place
