"""Rules with placeholders that have no values at load time: refused for everybody, until a company gives values."""

from typing import Any

import msgspec
import orjson

from detectors.sigma.filters import Filter


class OpenRule(msgspec.Struct, frozen=True):
    """The rule as written (JSON) and the file it stands in."""

    file: str
    content: bytes

    def document(self) -> dict[str, Any]:
        """As it was read from the file."""
        document: dict[str, Any] = orjson.loads(self.content)
        return document


class OpenRules(msgspec.Struct, frozen=True):
    """Every open rule, and the filters that may be for one."""

    rules: tuple[OpenRule, ...] = ()
    filters: tuple[Filter, ...] = ()


NO_OPEN_RULES = OpenRules()


def open_rule(file: str, document: dict[str, Any]) -> OpenRule:
    """The rule, kept for later. Raises TypeError for what JSON cannot hold."""
    return OpenRule(file, orjson.dumps(document, default=str))
