"""Which rules the values of a line leave possible, told by fields: telemetry repeats itself, so every value is looked
through once.

Rows whose values are all known are told at once. Of the others, fields whose values come again together (`Image`,
`Description`, `Company`) are remembered together, `CommandLine` on its own, and the fields of a rule that is often
asked in vain once more for this rule. All this is learnt while lines pass (`learning`); it changes the time, never the
answer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import reduce
from operator import or_
from typing import NamedTuple, TypeAlias, cast

import orjson

from detectors.sigma.bits import places
from detectors.sigma.bounded import Bounded, Memory
from detectors.sigma.clauses import Clauses
from detectors.sigma.demands import literals_of
from detectors.sigma.fields import fields_asked
from detectors.sigma.learning import Learning
from detectors.sigma.lines import Part
from detectors.sigma.rows import Key, Keys, Row, RowReader, is_readable
from detectors.sigma.shares import Shares
from detectors.sigma.tree import Node, leaves
from detectors.sigma.verdicts import Verdicts
from jikimi.domain.event import TIMESTAMP, Event

_KEPT = 10_000

See: TypeAlias = Callable[[Event], Event]
"""An event as rules see it; also of one that has some of its fields only."""
Judge: TypeAlias = Callable[[int, Event], int]
"""Of these rules (bits), those that hold for an event, as rules see it, that has all the fields they ask for."""


class Known(NamedTuple):
    """Of a row: the joined verdict of its values, and the rules that are possible if its line has no keywords."""

    verdict: int
    possible: int


class _Column:
    """What the values of some fields say (`Verdicts`); of `told` rules, which ask for nothing else, all."""

    def __init__(self, fields: Sequence[str], keys: Keys, told: int, work_out: Callable[[Key], int], most: int) -> None:
        self.fields = fields
        self.told = told
        self._keys = keys
        self.memory = Memory(most, work_out, keys.is_long)

    def of(self, rows: list[Row]) -> Iterator[int]:
        """One verdict for each row."""
        return map(self.memory.__getitem__, self._keys.of(rows))


class Columns:
    """The fields of one class. Not thread-safe."""

    def __init__(self, trees: Sequence[Node], names: Mapping[str, Sequence[str]], see: See, judge: Judge) -> None:
        self._trees = trees
        self._see = see
        self._judge = judge
        self._asked = [{field for test in leaves(tree) for field in fields_asked(test)} for tree in trees]
        fields = {field: (field, *names.get(field, ())) for field in sorted(set().union(*self._asked))}
        self._unknown = {f for f, own in fields.items() if f == TIMESTAMP or not all(map(is_readable, own))}
        self._names = {field: own for field, own in fields.items() if field not in self._unknown}
        self._reader = RowReader(_joined(self._names.values()))
        (self._empty,) = self._reader.rows([b"{}"])
        self._row_keys = self._reader.keys(self._reader.names)
        self._seen_of = self._seer(self._names, self._row_keys)
        self._shares = Shares()
        self._learning = Learning(len(trees))
        self.clauses = Clauses.of(trees, self._unknown, self._shares)
        self._tellable = self.clauses.numbered(
            not asked & self._unknown and all(test.field is not None for test in leaves(tree))
            for asked, tree in zip(self._asked, trees, strict=True)
        )
        """Rules that ask for nothing but fields that rows have."""
        self._of_rule: dict[int, _Column] = {}
        self._arrange([list(self._names)], Bounded(_KEPT))

    @property
    def scans(self) -> int:
        """Values looked through so far, those remembered not counted."""
        return sum(field.scanner.scans for field in self.clauses.of_field.values())

    @property
    def emptied(self) -> int:
        """How often a memory was full."""
        memories = [column.memory.emptied for column in self._columns]
        memories += [field.of_value.emptied for field in self.clauses.of_field.values()]
        return sum(memories) + (self._recall.emptied if self._recall is not None else 0)

    def possible(self, part: Part, odd: AbstractSet[int], raw: Mapping[int, int]) -> list[int]:
        """The rules (bits) that may hold for each line.

        `odd` lines are decoded: their fields may have other names. `raw` are the clauses that keywords meet, by line.
        """
        rows = self._rows(part)
        decoded = [place for place, row in enumerate(rows) if row is None or place in odd]
        for place in decoded:
            rows[place] = self._empty
        left = self._of_rows(rows, raw)
        for place in decoded:
            left[place] = self._of_event(orjson.loads(part.lines[place]), raw.get(place, 0))
        if self._learning.is_due(rows):
            self._learn()
        return left

    def _rows(self, part: Part) -> list[Row]:
        rows = self._reader.rows_of_block(part.data, len(part)) if part.is_block else None
        return self._reader.rows(part.lines) if rows is None else rows

    def _of_rows(self, rows: list[Row], raw: Mapping[int, int]) -> list[int]:
        known = self._by_columns(rows) if self._recall is None else self._recalled(rows, self._recall)
        left = [one.possible for one in known]
        for place, met in raw.items():
            more = self._verdicts.possible_with_keywords(known[place].verdict, met)
            left[place] |= more & ~self._tellable  # of the others it does not depend on keywords
        return left

    def _recalled(self, rows: list[Row], recall: Bounded[Row, Known]) -> list[Known]:
        """What was remembered, and what is told of new rows, which is remembered."""
        known = list(map(recall.get, rows))
        new = [place for place, one in enumerate(known) if one is None]
        if new:
            fresh = [rows[place] for place in new]
            for row, place, one in zip(fresh, new, self._by_columns(fresh), strict=True):
                known[place] = one
                if not self._row_keys.is_long(row):
                    recall.keep(row, one)
        return cast("list[Known]", known)

    def _by_columns(self, rows: list[Row]) -> list[Known]:
        parts: list[Iterable[int]] = [column.of(rows) for column in self._columns]
        verdicts = list(reduce(_join, parts))
        left = list(map(self._verdicts.possible, verdicts))
        if untold := self._untold:
            for place, bits in enumerate(left):
                if bits & untold:
                    left[place] = bits & ~self._in_vain(bits & untold, self._seen_of(rows[place]))
        return list(map(Known, verdicts, left))

    def _of_event(self, event: Event, raw: int) -> int:
        seen = self._see(event)
        met = self.clauses.base | raw
        for field, clauses in self.clauses.of_field.items():
            met |= clauses.met(seen.get(field))
        bits = self.clauses.possible(met)
        return bits & ~self._in_vain(bits & self._tellable, seen)

    def _in_vain(self, bits: int, seen: Event) -> int:
        """Those of the rules that do not hold."""
        vain = bits & ~self._judge(bits, seen) if bits else 0
        self._learning.asked_in_vain.update(places(vain))
        return vain

    def _arrange(self, groups: list[list[str]], recall: Bounded[Row, Known] | None) -> None:
        """The fields of a group are remembered together; `recall` remembers whole rows, if that is worth it."""
        self._groups = groups
        self._recall = recall
        self._verdicts = Verdicts(self.clauses, groups)
        self._columns = [self._column(number) for number in range(len(groups))]
        self._columns += self._of_rule.values()
        self._untold = self._tellable
        for column in self._columns:
            self._untold &= ~column.told

    def _told_by(self, fields: AbstractSet[str]) -> int:
        return self._tellable & self.clauses.numbered(asked <= fields for asked in self._asked)

    def _seer(self, fields: Iterable[str], keys: Keys) -> Callable[[Key], Event]:
        """The way from a key of these fields to what rules see of it."""
        if all(len(self._names[field]) == 1 for field in fields):
            return keys.event
        return lambda key: self._see(keys.event(key))

    def _keys(self, fields: Iterable[str]) -> Keys:
        return self._reader.keys(_joined(self._names[field] for field in fields))

    def _column(self, group: int) -> _Column:
        fields = self._groups[group]
        keys, told = self._keys(fields), self._told_by(set(fields))
        most = _KEPT if self._recall is None or len(self._groups) > 1 else 0
        return _Column(fields, keys, told, self._worker(group, keys, told), most)

    def _worker(self, group: int, keys: Keys, told: int) -> Callable[[Key], int]:
        """The way from a key of a group's fields to their verdict."""
        fields = self._groups[group]
        seen_of = self._seer(fields, keys)
        of_field = [(field, self.clauses.of_field[field]) for field in fields if field in self.clauses.of_field]
        verdict_of: Memory[int, int] = Memory(_KEPT, lambda met: self._verdicts.of(group, met), _never)

        def work_out(key: Key) -> int:
            seen, met = seen_of(key), 0
            for field, clauses in of_field:
                met |= clauses.of_value[seen.get(field)]
            verdict = verdict_of[met]
            return verdict | self._in_vain(told & ~verdict, seen)

        def work_out_value(value: Key) -> int:
            verdict = verdict_of[of_field[0][1].met(value)]
            left = told & ~verdict
            return verdict | self._in_vain(left, seen_of(value)) if left else verdict

        return work_out_value if keys.are_values and of_field else work_out

    def _column_of_rule(self, number: int) -> _Column:
        fields, rule = sorted(self._asked[number]), 1 << number
        keys = self._keys(fields)
        seen_of = self._seer(fields, keys)
        return _Column(fields, keys, rule, lambda key: rule & ~self._judge(rule, seen_of(key)), _KEPT)

    def _learn(self) -> None:
        learning, groups, recall, clauses, rules = (
            self._learning,
            self._groups,
            self._recall,
            self.clauses,
            set(self._of_rule),
        )
        if recall is not None and learning.knows_enough() and learning.is_no_help(recall.missed):
            recall = None
        if any(learning.may_be_parted(column.memory.missed) for column in self._columns if len(column.fields) > 1):
            sample = list(learning.sample)
            groups = learning.groups({field: list(self._keys([field]).of(sample)) for field in self._names})
        for number in learning.lasting_leaks():
            if self._untold >> number & 1:
                self._of_rule[number] = self._column_of_rule(number)
        if new := learning.new_leaks():
            trees = {number: self._trees[number] for number in new}
            literals = {literal for tree in trees.values() for literal in literals_of(tree, self._unknown)}
            self._shares.count(literals, list(map(self._seen_of, learning.sample)))
            self.clauses = clauses.changed(trees, self._unknown, self._shares)
        for number, column in list(self._of_rule.items()):
            if learning.is_no_help(column.memory.missed):
                del self._of_rule[number]
        if (groups, recall, clauses, rules) != (self._groups, self._recall, self.clauses, set(self._of_rule)):
            self._arrange(groups, recall)
        for column in self._columns:
            column.memory.mark()
        if recall is not None:
            recall.mark()
        learning.begin_anew()


def _never(_met: int) -> bool:
    return False


def _join(one: Iterable[int], other: Iterable[int]) -> Iterable[int]:
    return map(or_, one, other)


def _joined(names: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(name for some in names for name in some))
