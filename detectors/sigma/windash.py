"""The modifier `windash` ("Value modifiers"): five dashes that programs for Windows take for one another.

A dash counts where a word begins: not the one in `a-b`. Beside a placeholder that is known only once the placeholder
has its value, so a value with `expand`, in whichever order, is dashed after its placeholders were replaced.
"""

import re
from collections.abc import Iterator
from itertools import product

from sigma import modifiers as pysigma_modifiers
from sigma.types import Placeholder, SigmaExpansion, SigmaString

from detectors.sigma.placeholders import Expand

MOST = 3
"""Dashes in one value: each stands for five forms."""
_DASHES = "-/\u2013\u2014\u2015"
_DASH = re.compile(rf"\B[{_DASHES}]\b")
_LATER = Placeholder("windash%")
"""Says in a value that it is dashed later; no placeholder of a rule can have a percent sign in its name."""


class Windash(pysigma_modifiers.SigmaWindowsDashModifier):
    """pySigma's modifier, which takes a rule's own en dash, em dash or horizontal bar as it stands."""

    def modify(self, val: SigmaString) -> SigmaString | SigmaExpansion:  # type: ignore[override]  # dashed later
        if any(issubclass(one, Expand) for one in self.detection_item.modifiers):
            val.s = [_LATER, *val.s]
            return val
        val.s = [_DASH.sub("-", part) if isinstance(part, str) else part for part in val.s]
        return super().modify(val)


pysigma_modifiers.modifier_mapping["windash"] = Windash


def unmarked(value: SigmaString) -> SigmaString | None:
    """The value as it is before it is dashed, when that is to be done once its placeholders are replaced; else None."""
    if _LATER not in value.s:
        return None
    plain = SigmaString()
    plain.s = [part for part in value.s if part != _LATER]
    return plain


def dashed(value: SigmaString) -> Iterator[SigmaString]:
    """The value, without placeholders, in every form. Raises ValueError for one with too many dashes."""
    choices: list[tuple[object, ...]] = []
    for part in _joined(value):
        if isinstance(part, str):
            for text, dash in re.findall(rf"(.*?)(?:({_DASH.pattern})|\Z)", part, re.DOTALL):
                choices += [(text,), tuple(_DASHES)] if dash else [(text,)]
        else:
            choices.append((part,))
    if (count := sum(len(choice) > 1 for choice in choices)) > MOST:
        raise ValueError(f"it has {count} dashes; windash takes at most {MOST} in one value")
    for combination in product(*choices):
        one = SigmaString()
        one.s = [part for part in combination if part != ""]  # type: ignore[misc]  # parts of the value and dashes
        yield one


def _joined(value: SigmaString) -> list[object]:
    """Its parts, texts that stand side by side as one: what a placeholder brought is no word of its own."""
    parts: list[object] = []
    for part in value.s:
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    return parts
