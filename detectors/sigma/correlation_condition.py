"""The condition of a correlation (Sigma correlations 2.1, "Condition"): bounds of a count, or rules joined by words.

Two kinds of condition are told apart, because a stream is never at its end. One is *rising* when more events can only
bring it nearer: it is met, and told, at once. Any other (fewer than, unlike, an average, `not`) can be judged only when
the window it is about is over.
"""

import operator
import re
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from detectors.sigma.modifiers import Unsupported

Operator = Literal["gt", "gte", "lt", "lte", "eq", "neq"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}
_FROM_BELOW = ("gt", "gte", "eq")
DEEPEST = 100
"""An expression nested deeper is refused."""


class Seen(msgspec.Struct, frozen=True, tag="seen"):
    """The rule at this place of the correlation's `rules` matched within the timespan."""

    place: int


class Every(msgspec.Struct, frozen=True, tag="and"):
    items: "tuple[Expression, ...]"


class Some(msgspec.Struct, frozen=True, tag="or"):
    items: "tuple[Expression, ...]"


class Never(msgspec.Struct, frozen=True, tag="not"):
    item: "Expression"


Expression: TypeAlias = Seen | Every | Some | Never


class Condition(msgspec.Struct, frozen=True):
    """`bounds` must all hold; with an `expression` (temporal types) it alone decides. `percentile` is 0 to 100."""

    bounds: tuple[tuple[Operator, int | float], ...] = ()
    expression: Expression | None = None
    percentile: int = 50

    def holds(self, measured: float) -> bool:
        """Is the measured count, sum, … within all bounds?"""
        return all(_HOLDS[op](measured, number) for op, number in self.bounds)

    def holds_for(self, places: Set[int]) -> bool:
        """Temporal types: the condition for the set of rules (by place) that were seen."""
        return self.holds(len(places)) if self.expression is None else evaluate(self.expression, places)

    @property
    def rising(self) -> bool:
        """Can more events only bring it nearer (until it is met)?"""
        if self.expression is not None:
            return not _has_never(self.expression)
        return any(op in _FROM_BELOW for op, _ in self.bounds) and all(op != "neq" for op, _ in self.bounds)

    @property
    def least(self) -> float:
        """The smallest count that can fulfil the bounds."""
        return max((number + (op == "gt") for op, number in self.bounds if op in _FROM_BELOW), default=0)

    @property
    def most(self) -> float:
        """The largest count that can fulfil the bounds."""
        upper = (number - (op == "lt") for op, number in self.bounds if op in ("lt", "lte", "eq"))
        return min(upper, default=float("inf"))


def evaluate(expression: Expression, places: Set[int]) -> bool:
    """Does the expression hold when exactly the rules at these places were seen?"""
    match expression:
        case Seen(place):
            return place in places
        case Every(items):
            return all(evaluate(item, places) for item in items)
        case Some(items):
            return any(evaluate(item, places) for item in items)
        case Never(item):
            return not evaluate(item, places)


def bounds_of(stated: dict[str, Any], *, whole: bool) -> tuple[tuple[Operator, int | float], ...]:
    """The comparisons of a condition map, `whole` for counts. Raises `Unsupported`."""
    bounds = tuple((op, _number(stated[op], whole=whole)) for op in OPERATORS if op in stated)
    if not bounds:
        raise Unsupported("the condition has no comparison (gt, gte, lt, lte, eq, neq)", "condition:")
    condition = Condition(bounds)
    if condition.most < condition.least:
        raise Unsupported(f"no value is at least {condition.least} and at most {condition.most}", "condition:")
    if whole and condition.most < 1:
        raise Unsupported("the condition holds only when nothing at all happens, which no event can tell", "condition:")
    if whole and condition.least < 1 and any(op in _FROM_BELOW for op, _ in bounds):
        raise Unsupported("the condition's lower bound is fulfilled by nothing at all", "condition:")
    return bounds


def _number(value: Any, *, whole: bool) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value != value:
        raise Unsupported(f"{value!r} is not a {'whole ' if whole else ''}number", "condition:")
    return value


_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")


def expression_of(text: str, names: Sequence[str]) -> Expression:
    """A condition in words: names or ids of rules, `and`, `or`, `not` in any case, parentheses.

    `not` binds most, `or` least. `names` are the correlation's `rules` as written. Raises `Unsupported`.
    """
    words = iter([*_TOKEN.findall(text), ""])
    parser = _Parser(words, names)
    found = parser.disjunction(0)
    if parser.word:
        raise Unsupported(f"{parser.word!r} is one word too many in the condition", "condition:")
    return found


def names_in(text: str) -> list[str]:
    """The rules a condition in words names, each once, in order: a correlation without `rules` is fed by these."""
    words = (word for word in _TOKEN.findall(text) if word not in "()" and word.lower() not in ("and", "or", "not"))
    return list(dict.fromkeys(words))


class _Parser:
    def __init__(self, words: Iterator[str], names: Sequence[str]) -> None:
        self._words = words
        self._names = names
        self.word = next(words)

    def _take(self) -> str:
        word, self.word = self.word, next(self._words, "")
        return word

    def disjunction(self, depth: int) -> Expression:
        items = [self._conjunction(depth)]
        while self.word.lower() == "or":
            self._take()
            items.append(self._conjunction(depth))
        return items[0] if len(items) == 1 else Some(tuple(items))

    def _conjunction(self, depth: int) -> Expression:
        items = [self._term(depth)]
        while self.word.lower() == "and":
            self._take()
            items.append(self._term(depth))
        return items[0] if len(items) == 1 else Every(tuple(items))

    def _term(self, depth: int) -> Expression:
        if depth > DEEPEST:
            raise Unsupported(f"the condition is nested more than {DEEPEST} deep", "condition:")
        word = self._take()
        if word.lower() == "not":
            return Never(self._term(depth + 1))
        if word == "(":
            inner = self.disjunction(depth + 1)
            if self._take() != ")":
                raise Unsupported("a parenthesis of the condition is not closed", "condition:")
            return inner
        if word not in self._names:
            what = f"names {word!r}, which is not among its rules" if word else "ends too early"
            raise Unsupported(f"the condition {what}", "condition:")
        return Seen(self._names.index(word))


def _has_never(expression: Expression) -> bool:
    if isinstance(expression, Every | Some):
        return any(_has_never(item) for item in expression.items)
    return isinstance(expression, Never)


def places_of(expression: Expression) -> list[int]:
    """Every place the expression names, in order, repeated as often as it stands there."""
    if isinstance(expression, Every | Some):
        return [place for item in expression.items for place in places_of(item)]
    return places_of(expression.item) if isinstance(expression, Never) else [expression.place]
