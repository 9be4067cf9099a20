"""Values of a rule, as pySigma hands them over after every modifier, into tests (specification: "Value modifiers").

pySigma applies the modifiers themselves (contains, base64offset, windash, …); here each resulting value type becomes a
test. What has no exact meaning on an event raises `Unsupported`, never a weaker test.
"""

from collections.abc import Iterator
from typing import Literal

from sigma import modifiers as pysigma_modifiers
from sigma import types as pysigma_types
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from detectors.sigma.placeholders import Placeholders, Unexpanded, expanded
from detectors.sigma.regex import compile_regex
from detectors.sigma.tree import (
    ANY,
    ONE,
    Cidr,
    Compare,
    Exists,
    FieldRef,
    Node,
    Null,
    Order,
    Part,
    Pattern,
    Regex,
    Text,
    TimePart,
    any_of,
    negate,
)
from detectors.sigma.values import number_text
from detectors.sigma.windash import dashed, unmarked

# Specification 2.1 names utf16le beside its older name wide; pySigma knows the latter only.
pysigma_modifiers.modifier_mapping.setdefault("utf16le", pysigma_modifiers.SigmaWideModifier)


class WholeNumber(SigmaNumber):
    """pySigma's number, which rounds what a float cannot hold: ids of 64 bits would be others."""

    def __post_init__(self, init_number: int) -> None:
        self.number = init_number


pysigma_types.type_map[int] = WholeNumber

_ORDERS: dict[CompareOperators, Order] = {
    CompareOperators.LT: "lt",
    CompareOperators.LTE: "lte",
    CompareOperators.GT: "gt",
    CompareOperators.GTE: "gte",
}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}


class Unsupported(Exception):
    """The rule says something that cannot be matched exactly; the text is the reason, `near` a word of the line."""

    def __init__(self, reason: str, near: str = "") -> None:
        super().__init__(reason)
        self.near = near


class NoValues(Unsupported):
    """A placeholder has no values; a company's own may still make the rule usable."""


def test_of(field: str | None, value: SigmaType, placeholders: Placeholders) -> Node:
    """The test of one value, of a field or as a keyword (`field=None`)."""
    if isinstance(value, SigmaExpansion):
        return any_of(tuple(test_of(field, v, placeholders) for v in value.values))
    if isinstance(value, SigmaString):
        cased = isinstance(value, SigmaCasedString)
        return any_of(tuple(_text(field, pattern_of(one), cased) for one in _expanded(value, placeholders)))
    if isinstance(value, SigmaTimestampPart):
        return Part(_stated(field), _part(value), value.number)
    if isinstance(value, SigmaNumber):
        return _text(field, (number_text(value.number),))
    if isinstance(value, SigmaBool):
        return _text(field, ("true" if value.boolean else "false",))
    if isinstance(value, SigmaRegularExpression):
        return any_of(tuple(_regex(field, value, one) for one in _expanded(value.regexp, placeholders, escape=False)))
    return _field_test(_stated(field), value)


def _field_test(field: str, value: SigmaType) -> Node:
    if isinstance(value, SigmaNull):
        return Null(field)
    if isinstance(value, SigmaExists):
        return Exists(field) if value.exists else negate(Exists(field))
    if isinstance(value, SigmaCIDRExpression):
        return Cidr(field, str(value.network))
    if isinstance(value, SigmaCompareExpression):
        if value.op not in _ORDERS:
            raise Unsupported(f"comparison {value.op.name.lower()} of {field!r} is not supported", field)
        part = _part(value.number) if isinstance(value.number, SigmaTimestampPart) else None
        return Compare(field, _ORDERS[value.op], value.number.number, part)
    if isinstance(value, SigmaFieldReference):
        how: dict[tuple[bool, bool], Literal["equals", "startswith", "endswith", "contains"]] = {
            (False, False): "equals",
            (True, False): "startswith",
            (False, True): "endswith",
            (True, True): "contains",
        }
        return FieldRef(field, value.field, how[value.starts_with, value.ends_with])
    raise Unsupported(f"a value of type {type(value).__name__} is not supported", field)


def pattern_of(value: SigmaString) -> Pattern:
    """The string's literal parts and wildcards; it holds no placeholder any more."""
    parts: list[str | int] = []
    for part in value.s:
        if isinstance(part, str):
            if parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part:
                parts.append(part)
        elif part is SpecialChars.WILDCARD_SINGLE:
            parts.append(ONE)
        elif not parts or parts[-1] != ANY:
            parts.append(ANY)
    return tuple(parts) or ("",)


def _text(field: str | None, pattern: Pattern, cased: bool = False) -> Node:
    if field is None:  # a keyword is searched for inside every value
        inner = tuple(part for part in pattern if part != "")
        head = () if inner[:1] == (ANY,) else (ANY,)
        tail = () if inner[-1:] == (ANY,) else (ANY,)
        return Text(None, (*head, *inner, *tail) if inner else (ANY,), cased)
    return Text(field, pattern, cased)


def _expanded(value: SigmaString, placeholders: Placeholders, *, escape: bool = True) -> Iterator[SigmaString]:
    if not value.contains_placeholder():
        yield value
        return
    plain = unmarked(value)
    try:
        for one in expanded(plain or value, placeholders, escape=escape):
            yield from dashed(one) if plain else (one,)
    except Unexpanded as error:
        raise NoValues(str(error), error.name) from error
    except ValueError as error:
        raise Unsupported(str(error)) from error


def _regex(field: str | None, value: SigmaRegularExpression, regexp: SigmaString) -> Node:
    flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
    pattern = (f"(?{flags})" if flags else "") + str(regexp)
    try:
        compile_regex(pattern)
    except ValueError as error:
        raise Unsupported(f"regular expression {pattern!r} is {error}", str(value.regexp)) from error
    return Regex(field, pattern)


def _part(value: SigmaTimestampPart) -> TimePart:
    parts: dict[str, TimePart] = {
        "minute": "minute",
        "hour": "hour",
        "day": "day",
        "week": "week",
        "month": "month",
        "year": "year",
    }
    return parts[value.timestamp_part.name.lower()]


def _stated(field: str | None) -> str:
    if field is None:
        raise Unsupported("this value needs a field: a keyword is text, a number or a regular expression")
    return field
