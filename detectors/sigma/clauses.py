"""The clauses of a class's rules as bits of whole numbers, so that joining what the fields of an event say is one `|`.

Every rule has up to three clauses (`demands`); clause *slot* of rule *number* is the bit `slot * rules + number`. A
value *meets* the bits of some clauses; a rule is possible when all its clauses are met.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from detectors.sigma.bits import joined
from detectors.sigma.bounded import Memory, is_long
from detectors.sigma.demands import Clause, Hit, Literal, Miss, Raw, Share, demands_of
from detectors.sigma.quick_scan import QuickScanner
from detectors.sigma.scan import NONE, Numbers
from detectors.sigma.tree import Node, Text
from detectors.sigma.values import texts_of

SLOTS = 3
_KEPT = 10_000
_LARGE = 64
_COMMON = 0.5
"""Of the events."""


class Clauses:
    """Of the rules of one class. `rules` is one bit a rule. Not thread-safe."""

    def __init__(self, chosen: Sequence[Sequence[Clause]], like: "Clauses | None" = None) -> None:
        """`chosen` are each rule's clauses; what is alike is taken over from other clauses with all they remember."""
        self._chosen = chosen
        self.width = len(chosen)
        self.rules = (1 << self.width) - 1
        self.base = 0
        """Met by every event: the slots that rules do not need."""
        bits: dict[Literal, int] = {}
        for number, clauses in enumerate(chosen):
            for slot in range(SLOTS):
                bit = 1 << (slot * self.width + number)
                if slot >= len(clauses) or _always_met(clauses[slot]):
                    self.base |= bit
                else:
                    for literal in clauses[slot]:
                        bits[literal] = bits.get(literal, 0) | bit
        self.raw = {literal.text: bit for literal, bit in bits.items() if isinstance(literal, Raw)}
        by_field: dict[str, dict[Hit | Miss, int]] = {}
        for literal, bit in bits.items():
            if not isinstance(literal, Raw):
                by_field.setdefault(literal.field, {})[literal] = bit
        known: Mapping[str, FieldClauses] = like.of_field if like else {}
        self.of_field: Mapping[str, FieldClauses] = {
            field: known[field] if field in known and known[field].bits == own else FieldClauses(own)
            for field, own in by_field.items()
        }
        """Fields that some clause asks."""

    @classmethod
    def of(cls, trees: Sequence[Node], unknown: AbstractSet[str], share: Share) -> "Clauses":
        """The rarest clauses of these trees."""
        return cls([_rarest(demands_of(tree, unknown, share), share) for tree in trees])

    def changed(self, trees: Mapping[int, Node], unknown: AbstractSet[str], share: Share) -> "Clauses":
        """The same with other clauses for these rules, by what is known now of their shares."""
        other = {number: _rarest(demands_of(tree, unknown, share), share) for number, tree in trees.items()}
        return Clauses([other.get(number, clauses) for number, clauses in enumerate(self._chosen)], self)

    def possible(self, met: int) -> int:
        """The rules all of whose clauses are met."""
        left = self.rules & met
        for slot in range(1, SLOTS):
            left &= met >> slot * self.width
        return left

    def numbered(self, per_rule: Iterable[bool]) -> int:
        """One bit for each rule of which this is true."""
        return sum(1 << number for number, true in enumerate(per_rule) if true)


class FieldClauses:
    """The literals of one field."""

    def __init__(self, bits: Mapping[Hit | Miss, int]) -> None:
        self.bits = bits
        tests: dict[Text, int] = {}
        for literal in bits:
            tests.setdefault(literal.test, len(tests))
        self.scanner = QuickScanner([(number, test) for test, number in tests.items()])
        self.concerned = joined(bits.values())
        """All bits that its values may meet."""
        self._hits = {tests[one.test]: bit for one, bit in bits.items() if isinstance(one, Hit)}
        self._misses = {tests[one.test]: bit for one, bit in bits.items() if isinstance(one, Miss)}
        self._missing = joined(self._misses.values())
        self.of_value: Memory[object, int] = Memory(_KEPT, self.met, is_long)
        """Of values as rows have them (`rows`): texts, whole numbers, null, none."""
        self._of_found: Memory[Numbers, int] = Memory(_KEPT, self.met_by, is_large)

    def met(self, value: object) -> int:
        """The bits of the clauses that any value meets."""
        return self._of_found[self.look(value)]

    def look(self, value: object) -> Numbers:
        """The texts that it has."""
        look = self.scanner.look
        return look(value) if type(value) is str else NONE.union(*map(look, texts_of(value)))

    def met_by(self, found: Numbers) -> int:
        """The bits of the clauses that a value with these texts meets."""
        met, unmet = 0, 0
        for number in found:
            met |= self._hits.get(number, 0)
            unmet |= self._misses.get(number, 0)
        return met | (self._missing & ~unmet)


def _rarest(clauses: list[Clause], share: Share) -> list[Clause]:
    """Those worth looking for: the first, and others without a literal that most events have."""
    return [*clauses[:1], *(clause for clause in clauses[1:] if all(share(one) < _COMMON for one in clause))][:SLOTS]


def _always_met(clause: Clause) -> bool:
    """Does it want two texts missing in one field? Which of them a value has not, bits cannot tell."""
    asked = [literal.field for literal in clause if isinstance(literal, Miss)]
    return len(asked) > len(set(asked))


def is_large(found: Numbers) -> bool:
    """Are they too many to be remembered together?"""
    return len(found) > _LARGE
