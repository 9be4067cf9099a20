"""Rules with placeholders that have no values at load time: refused for everybody, until a company gives values."""

import json
from typing import Any

import msgspec

from detectors.sigma.filters import Filter


class OpenRule(msgspec.Struct, frozen=True):
    """The rule as written (JSON, with what only Python's reads: `NaN`, whole numbers of any size) and its file."""

    file: str
    content: str

    def document(self) -> dict[str, Any]:
        """As it was read from the file."""
        document: dict[str, Any] = json.loads(self.content)
        return document


class OpenRules(msgspec.Struct, frozen=True):
    """Every open rule, and the filters that may be for one."""

    rules: tuple[OpenRule, ...] = ()
    filters: tuple[Filter, ...] = ()


NO_OPEN_RULES = OpenRules()


def open_rule(file: str, document: dict[str, Any]) -> OpenRule:
    """The rule, kept for later; keys are text afterwards, as rules mean them."""
    return OpenRule(file, json.dumps(document, default=str))
