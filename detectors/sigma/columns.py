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

from detectors.sigma.asked import Asked
from detectors.sigma.bits import places
from detectors.sigma.bounded import Bounded, Memory
from detectors.sigma.clauses import Clauses, FieldClauses, is_large
from detectors.sigma.demands import literals_of
from detectors.sigma.learning import Learning
from detectors.sigma.rows import Key, Keys, Row, RowReader
from detectors.sigma.scan import Numbers
from detectors.sigma.shares import Shares
from detectors.sigma.tree import Node
from detectors.sigma.verdicts import Verdicts
from jikimi.domain.event import Event

_KEPT = 10_000
_NO_CLAUSES = FieldClauses({})

See: TypeAlias = Callable[[Event], Event]
"""An event as rules see it."""
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
        self._work_out = work_out
        self.memory = Memory(most, work_out, keys.is_long)
        self._verdict_of: Callable[[Key], int] = self.memory.__getitem__

    def of(self, rows: list[Row]) -> Iterator[int]:
        """One verdict for each row."""
        return map(self._verdict_of, self._keys.of(rows))

    def give_up_memory(self) -> None:
        """Its values are mostly new."""
        self._verdict_of = self._work_out
        self.memory.clear()


class Columns:
    """The fields of one class; `reader` reads their names. Not thread-safe.

    `complete` is `see` for events that have some flat fields only, as rows have.
    """

    def __init__(
        self, trees: Sequence[Node], asked: Asked, reader: RowReader, see: See, complete: See, judge: Judge
    ) -> None:
        self._trees = trees
        self._asked = asked
        self._reader = reader
        self._see = see
        self._complete = complete
        self._judge = judge
        self._row_keys = self._keys(asked.names, whole=True)
        self._seen_of = self._seer(asked.names, self._row_keys)
        self._shares = Shares()
        self._learning = Learning(len(trees))
        self.clauses = Clauses.of(trees, asked.unknown, self._shares)
        self.tellable = self.clauses.numbered(asked.tellable)
        """Rules (bits) of which `possible` says for sure that they hold."""
        self._of_rule: dict[int, _Column] = {}
        self._groups = [list(asked.names)]
        """Fields that are remembered together."""
        self._recall: Bounded[Row, Known] | None = Bounded(_KEPT)
        """Whole rows, as long as that is worth it."""
        self._arrange()

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

    def possible(self, rows: list[Row], odd: Mapping[int, Event], raw: Mapping[int, int]) -> list[int]:
        """The rules (bits) that may hold for each line.

        `odd` are decoded events, by place, of which rows do not tell all. `raw` are the clauses that keywords meet.
        """
        if odd:
            return self._with_odd(rows, odd, raw)
        known = self._by_columns(rows) if self._recall is None else self._recalled(rows, self._recall)
        left = [one.possible for one in known]
        for place, met in raw.items():
            more = self._verdicts.possible_with_keywords(known[place].verdict, met)
            left[place] |= more & ~self.tellable  # of the others it does not depend on keywords
        if self._learning.is_due(rows):
            self._learn()
        return left

    def _with_odd(self, rows: list[Row], odd: Mapping[int, Event], raw: Mapping[int, int]) -> list[int]:
        left = [self._of_event(odd[place], raw.get(place, 0)) if place in odd else 0 for place in range(len(rows))]
        plain = [place for place in range(len(rows)) if place not in odd]
        own = {now: raw[place] for now, place in enumerate(plain) if place in raw}
        for place, bits in zip(plain, self.possible([rows[place] for place in plain], {}, own), strict=True):
            left[place] = bits
        return left

    def _recalled(self, rows: list[Row], recall: Bounded[Row, Known]) -> list[Known]:
        """What was remembered, and what is told of new rows, which is remembered."""
        known = list(map(recall.get, rows))
        new = [place for place, one in enumerate(known) if one is None]
        for place in new:
            known[place] = recall.older(rows[place])
        if new := [place for place in new if known[place] is None]:
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
        return bits & ~self._in_vain(bits & self.tellable, seen)

    def _in_vain(self, bits: int, seen: Event) -> int:
        """Those of the rules that do not hold."""
        vain = bits & ~self._judge(bits, seen) if bits else 0
        for number in places(vain):
            self._learning.asked_in_vain[number] += 1
        return vain

    def _arrange(self) -> None:
        self._verdicts = Verdicts(self.clauses, self._groups)
        self._columns = [self._column(number) for number in range(len(self._groups))]
        self._columns += self._of_rule.values()
        self._untold = self.tellable
        for column in self._columns:
            self._untold &= ~column.told

    def _told_by(self, fields: AbstractSet[str]) -> int:
        return self.tellable & self.clauses.numbered(asked <= fields for asked in self._asked.by_rule)

    def _seer(self, fields: Iterable[str], keys: Keys) -> Callable[[Key], Event]:
        """The way from a key of these fields to what rules see of it."""
        if all(len(self._asked.names[field]) == 1 for field in fields):
            return keys.event
        return lambda key: self._complete(keys.event(key))

    def _keys(self, fields: Iterable[str], whole: bool = False) -> Keys:
        return self._reader.keys(self._asked.row_names(fields), whole)

    def _column(self, group: int) -> _Column:
        fields = self._groups[group]
        keys, told = self._keys(fields, whole=len(self._groups) == 1), self._told_by(set(fields))
        work_out = self._worker_of_value(group, keys, told) if keys.are_values else self._worker(group, keys, told)
        most = _KEPT if self._recall is None or len(self._groups) > 1 else 0
        return _Column(fields, keys, told, work_out, most)

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

        return work_out

    def _worker_of_value(self, group: int, keys: Keys, told: int) -> Callable[[Key], int]:
        """The same for the one field whose values are keys."""
        (field,) = self._groups[group]
        seen_of = self._seer([field], keys)
        clauses = self.clauses.of_field.get(field, _NO_CLAUSES)
        verdict_of: Memory[Numbers, int] = Memory(
            _KEPT, lambda found: self._verdicts.of(group, clauses.met_by(found)), is_large
        )

        def work_out(value: Key) -> int:
            verdict = verdict_of[clauses.look(value)]
            left = told & ~verdict
            return verdict | self._in_vain(left, seen_of(value)) if left else verdict

        return work_out

    def _column_of_rule(self, number: int) -> _Column:
        fields, rule = sorted(self._asked.by_rule[number]), 1 << number
        keys = self._keys(fields)
        seen_of = self._seer(fields, keys)
        return _Column(fields, keys, rule, lambda key: rule & ~self._judge(rule, seen_of(key)), _KEPT)

    def _learn(self) -> None:
        before = (self._groups, self._recall, self.clauses, set(self._of_rule))
        self._part_groups()
        self._remember_rules()
        self._change_clauses()
        recall = self._recall
        if recall is not None and self._learning.knows_enough() and self._learning.is_no_help(recall.missed):
            self._recall = None
        if before != (self._groups, self._recall, self.clauses, set(self._of_rule)):
            self._arrange()
        self._give_up_memories()
        self._learning.begin_anew()

    def _part_groups(self) -> None:
        """Fewer fields together, where they would be known more often."""
        several = [column for column in self._columns if len(column.fields) > 1]
        if any(self._learning.may_be_parted(column.memory.missed) for column in several):
            sample = list(self._learning.sample)
            values = {field: list(self._keys([field]).of(sample)) for field in self._asked.names}
            self._groups = self._learning.groups(values)

    def _remember_rules(self) -> None:
        """A memory of its own for a rule that is asked in vain, as long as that helps."""
        for number in self._learning.lasting_leaks():
            if self._untold >> number & 1:
                self._of_rule[number] = self._column_of_rule(number)
        for number, column in list(self._of_rule.items()):
            if self._learning.is_no_help(column.memory.missed):
                del self._of_rule[number]

    def _change_clauses(self) -> None:
        """Rarer ones, by what the sample has, for rules that are asked in vain."""
        if new := self._learning.new_leaks():
            trees = {number: self._trees[number] for number in new}
            literals = {literal for tree in trees.values() for literal in literals_of(tree, self._asked.unknown)}
            self._shares.count(literals, list(map(self._seen_of, self._learning.sample)))
            self.clauses = self.clauses.changed(trees, self._asked.unknown, self._shares)

    def _give_up_memories(self) -> None:
        """Those of values that are mostly new; the others count what they miss from here."""
        asked = None if self._recall is None else self._recall.missed
        for column in self._columns:
            if len(column.fields) == 1 and self._learning.are_new(column.memory.missed, asked):
                column.give_up_memory()
            column.memory.mark()
        if self._recall is not None:
            self._recall.mark()


def _never(_met: int) -> bool:
    return False


def _join(one: Iterable[int], other: Iterable[int]) -> Iterable[int]:
    return map(or_, one, other)
