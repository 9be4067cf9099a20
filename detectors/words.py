"""The layman's sentence of a finding: a rule's `jikimi` words with the event's values filled in (rules/README.md)."""

import re
from collections.abc import Mapping
from typing import Any

_HOLE = re.compile(r"\{([^{}\s]+)\}")
_LONGEST = 120


def sentence(template: str, event: Mapping[str, Any], *, count: int = 1, distinct: int = 0) -> str:
    """`{Field}` becomes the event's value (`?` when it has none), `{count}` and `{distinct}` the numbers.

    Values are shown as they are, in one line, cut at 120 characters; they are never read as templates.
    """
    numbers = {"count": count, "distinct": distinct}

    def fill(hole: re.Match[str]) -> str:
        name = hole[1]
        if name in numbers:
            return str(numbers[name])
        value = event.get(name)
        text = " ".join(str(value).split()) if value not in (None, "") else "?"
        return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

    return _HOLE.sub(fill, template)


def titles(words: Mapping[str, Any], fallback: str, event: Mapping[str, Any], **numbers: int) -> tuple[str, str]:
    """The Korean and the English sentence; a rule without words is told by its title and the device's name."""
    device = event.get("Hostname") or event.get("Computer")
    plain = f"{device}: {fallback}" if device else fallback
    korean, english = words.get("title_ko"), words.get("title_en")
    return (
        sentence(str(korean), event, **numbers) if korean else plain,
        sentence(str(english), event, **numbers) if english else plain,
    )
