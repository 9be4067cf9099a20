"""What single groups of fields say of all rules, so that joining what they say is one `|`, and short.

A *verdict* has two bits a rule: the lower says that the group rules it out; the upper that the group meets the rule's
*shared* clause, one that texts in several groups can meet (`Image` or `CommandLine`).
"""

from collections.abc import Collection, Sequence

from detectors.sigma.bits import joined
from detectors.sigma.clauses import SLOTS, Clauses


class Verdicts:
    """Of groups of fields, by their place; keywords are a group of their own, the last."""

    def __init__(self, clauses: Clauses, groups: Sequence[Collection[str]]) -> None:
        self._clauses = clauses
        self._width = clauses.width
        of_field = clauses.of_field
        concerned = [joined(of_field[field].concerned for field in group if field in of_field) for group in groups]
        concerned.append(joined(clauses.raw.values()))
        seen, several = 0, 0
        for bits in concerned:
            several |= seen & bits
            seen |= bits
        self._elsewhere = [
            clauses.base | joined(bits for place, bits in enumerate(concerned) if place != own)
            for own in range(len(concerned))
        ]
        left = clauses.rules
        self._shared: list[tuple[int, int]] = []
        """Shift and mask of each slot's shared clauses; of a rule with several, one."""
        for slot in range(SLOTS):
            shift = slot * self._width
            shared = several >> shift & left
            left &= ~shared
            if shared:
                self._shared.append((shift, shared))
        self._unshared = left
        self._without_keywords = clauses.rules & ~self.of(-1, 0)

    def of(self, group: int, met: int) -> int:
        """The verdict of a group whose values meet these clauses."""
        out = self._clauses.rules & ~self._clauses.possible(met | self._elsewhere[group])
        for shift, shared in self._shared:
            out |= (met >> shift & shared) << self._width
        return out

    def possible(self, all_said: int) -> int:
        """The rules that are possible by the joined verdicts of all groups, for a line without any keyword."""
        return self._without_keywords & ~all_said & (all_said >> self._width | self._unshared)

    def possible_with_keywords(self, all_said: int, met: int) -> int:
        """The same for a line whose keywords meet these clauses."""
        all_said |= self.of(-1, met)
        return self._clauses.rules & ~all_said & (all_said >> self._width | self._unshared)
