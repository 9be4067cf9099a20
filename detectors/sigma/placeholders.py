"""Placeholders (Sigma rules specification, "Placeholders"; modifier `expand`): values that only the company knows.

`%name%` in a value with `expand` stands for any of the values given for that name; `\\%` is a plain percent sign. A
rule with a placeholder that has no values is refused, also for the standard names: a guess would miss or flood. Values
may hold the wildcards `*` and `?`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TypeAlias

from sigma import modifiers as pysigma_modifiers
from sigma.types import Placeholder, SigmaRegularExpression, SigmaString, SpecialChars

Placeholders: TypeAlias = Mapping[str, Sequence[str]]
"""Name, without percent signs → values. Names are compared as written."""

STANDARD = ("Administrators", "JumpServers", "Workstations", "Servers", "DomainControllers")
"""The specification's own names."""
NONE: Placeholders = {}
MOST = 10_000
"""The most values one rule's value may expand to."""

_PERCENT = "\ue000"
"""Stands for an escaped percent sign while placeholders are looked for (private use: in no real value)."""


class Unexpanded(Exception):
    """A placeholder without values, or with too many."""

    def __init__(self, reason: str, name: str) -> None:
        super().__init__(reason)
        self.name = name


class Expand(pysigma_modifiers.SigmaExpandModifier):
    """pySigma's modifier, which takes a backslash before a percent sign for a backslash; the specification does not."""

    def modify(self, val: SigmaString | SigmaRegularExpression) -> SigmaString | SigmaRegularExpression:
        if isinstance(val, SigmaRegularExpression):
            return super().modify(val)
        if self.applied_modifiers:  # what was written is no longer known: a pair of backslashes is one by now
            val.s = [_hidden(part, r"\\(%)") if isinstance(part, str) else part for part in val.s]
        else:
            val = SigmaString(_hidden(val.original, r"\\([\\%])"))
        expandable = val.insert_placeholders()
        expandable.s = [part.replace(_PERCENT, "%") if isinstance(part, str) else part for part in expandable.s]
        return expandable


def _hidden(text: str, escaped: str) -> str:
    return re.sub(escaped, lambda found: _PERCENT if found[1] == "%" else found[0], text)


pysigma_modifiers.modifier_mapping["expand"] = Expand


def expanded(value: SigmaString, given: Placeholders, *, escape: bool = True) -> Iterator[SigmaString]:
    """The value with every combination of its placeholders' values. Raises Unexpanded.

    `escape` is false in a regular expression: there the values are regular expressions too.
    """
    choices = [_choices(part, given, escape=escape) if isinstance(part, Placeholder) else [(part,)] for part in value.s]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MOST:
        raise Unexpanded(f"its placeholders expand to {count} values; at most {MOST} are taken", "%")
    for combination in product(*choices):
        one = SigmaString()
        one.s = [part for parts in combination for part in parts]
        yield one


def _choices(
    part: Placeholder, given: Placeholders, *, escape: bool
) -> list[tuple[str | SpecialChars | Placeholder, ...]]:
    values = given.get(part.name, ())
    if not values:
        raise Unexpanded(f"placeholder %{part.name}% has no values", f"%{part.name}%")
    return [tuple(SigmaString(value, escape=escape).s) for value in values]
