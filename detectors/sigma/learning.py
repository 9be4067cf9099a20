"""What is learnt of a class while its lines pass: which values come again, and which rules are asked in vain."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence

from detectors.sigma.rows import Row

_FIRST_REVIEW = 300
_RAREST_REVIEW = 6_000
"""Lines; each review comes after twice as many as the one before, up to so many."""
_SAMPLE = 512
"""Lines before a review that it looks at."""
_WORTH = 0.65
"""Of the lines must be known for a memory to pay for itself."""
_PATIENCE = 3
"""Reviews before whole rows are given up: there are many, and they come again late."""
_PARTED = 0.1
"""Of the lines unknown, and it is asked whether fewer fields together would be known more often."""
_REPEATS = 0.1
_FEW = 64
"""So many different keys, or so many a line, are few enough to keep fields together."""
_LEAK = 0.01
"""Of the lines, for which a rule may be asked in vain before it gets other clauses."""
_PAYS_AFTER = 8
"""Times that rules were asked in vain, for each rule of the class, before it is worth making clauses anew."""
_LASTING_LEAK = 0.05
"""Of the lines, after that, before the rule gets a memory of its own."""
_MEMORIES = 8


class Learning:
    """Of one class with so many rules."""

    def __init__(self, rules: int) -> None:
        self.asked_in_vain: Counter[int] = Counter()
        """By rule, since clauses were last made."""
        self.sample: deque[Row] = deque(maxlen=_SAMPLE)
        self._pays_after = _PAYS_AFTER * rules
        self._lines = 0
        self._lines_with_clauses = 0
        self._reviews = 0
        self._due = _FIRST_REVIEW
        self._partings = 0
        self._parts_from = 0
        self._learnt: set[int] = set()
        self._remembered: set[int] = set()

    def is_due(self, rows: Sequence[Row]) -> bool:
        """These lines passed; is it time for a review?"""
        self._lines += len(rows)
        if self._lines > self._due - _SAMPLE:
            self.sample.extend(rows)
        return self._lines >= self._due

    def begin_anew(self) -> None:
        """The review is over."""
        self._reviews += 1
        self._due = min(2 * self._due, _RAREST_REVIEW)
        self._lines_with_clauses += self._lines
        self._lines = 0
        self.sample.clear()

    def knows_enough(self) -> bool:
        """Passed so many lines that what is still unknown is new?"""
        return self._reviews >= _PATIENCE

    def is_no_help(self, missed: int) -> bool:
        """Does a memory that did not know so many lines since the last review cost more than it saves?"""
        return missed > self._lines * (1 - _WORTH)

    def are_new(self, missed: int, asked: int | None) -> bool:
        """Are values mostly new, of so many lines for which they were asked (None: all)?"""
        asked = self._lines if asked is None else asked
        return self.knows_enough() and asked > self._lines * _PARTED and missed > asked * (1 - _WORTH)

    def may_be_parted(self, missed: int) -> bool:
        """Is it worth a look whether fewer fields together would be known more often? Ever more seldom it is."""
        return missed > self._lines * _PARTED and self._reviews >= self._parts_from

    def groups(self, columns: Mapping[str, Sequence[object]]) -> list[list[str]]:
        """The fields of the sample, those together whose values come again together.

        Starts with the fields of the fewest values; each joins the group that it makes the least larger.
        """
        self._parts_from = self._reviews + 2**self._partings
        self._partings += 1
        different = {field: len(set(values)) for field, values in columns.items()}
        most = max(_FEW, _REPEATS * len(self.sample))
        groups: list[tuple[int, list[str], Sequence[object]]] = []
        for field in sorted(different, key=different.__getitem__):
            values = columns[field]
            joined = [list(zip(known, values, strict=True)) for _, _, known in groups]
            sizes = [len(set(pairs)) for pairs in joined]
            best = min(range(len(sizes)), key=lambda place: sizes[place] / groups[place][0], default=-1)
            if best >= 0 and sizes[best] <= most:
                groups[best] = (sizes[best], [*groups[best][1], field], joined[best])
            else:
                groups.append((different[field], [field], values))
        return [fields for _, fields, _ in groups] or [[]]

    def new_leaks(self) -> list[int]:
        """Rules that are asked in vain too often, each told once; none before that has cost as much as new clauses."""
        leaks = [number for number in self._above(_LEAK) if number not in self._learnt]
        if sum(self.asked_in_vain[number] for number in leaks) < self._pays_after:
            return []
        self._learnt.update(leaks)
        self.asked_in_vain.clear()
        self._lines_with_clauses = -self._lines
        return leaks

    def lasting_leaks(self) -> list[int]:
        """Those that still are since they were told, the worst first, each told once; only so many."""
        leaks = [number for number in self._above(_LASTING_LEAK) if number in self._learnt - self._remembered]
        leaks = leaks[: _MEMORIES - len(self._remembered)]
        self._remembered.update(leaks)
        return leaks

    def _above(self, share: float) -> list[int]:
        least = (self._lines_with_clauses + self._lines) * share
        return [number for number, times in self.asked_in_vain.most_common() if times > least]
