"""Where a rule is at fault, and in which words: pySigma tells what is wrong with a rule, but not on which line.

A fault of an attribute is known by the kind of error. One of a search is found by reading the search's parts alone:
the smallest part that cannot be read is the one.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import msgspec
from sigma import exceptions as pysigma
from sigma.modifiers import modifier_mapping
from sigma.rule import SigmaDetectionItem

from detectors.sigma.detections import NOT_SEARCHES, check_field, check_search, with_texts
from detectors.sigma.modifiers import Unsupported, test_of
from detectors.sigma.placeholders import Placeholders
from detectors.sigma.regex import POLICY

Path: TypeAlias = tuple[str | int, ...]
"""Keys and places in lists, from a document down to one of its parts."""

_SECTIONS = ("detection", "filter", "correlation")
_ATTRIBUTES: tuple[tuple[type[Exception], str], ...] = (
    (pysigma.SigmaIdentifierError, "id"),
    (pysigma.SigmaNameError, "name"),
    (pysigma.SigmaTaxonomyError, "taxonomy"),
    (pysigma.SigmaRelatedError, "related"),
    (pysigma.SigmaLevelError, "level"),
    (pysigma.SigmaStatusError, "status"),
    (pysigma.SigmaTagError, "tags"),
    (pysigma.SigmaDateError, "date"),
    (pysigma.SigmaModifiedError, "modified"),
    (pysigma.SigmaFieldsError, "fields"),
    (pysigma.SigmaFalsePositivesError, "falsepositives"),
    (pysigma.SigmaAuthorError, "author"),
    (pysigma.SigmaDescriptionError, "description"),
    (pysigma.SigmaReferencesError, "references"),
    (pysigma.SigmaTitleError, "title"),
    (pysigma.SigmaScopeError, "scope"),
    (pysigma.SigmaLicenseError, "license"),
    (pysigma.SigmaLogsourceError, "logsource"),
    (pysigma.SigmaTimespanError, "timespan"),
    (pysigma.SigmaCorrelationTypeError, "type"),
    (pysigma.SigmaCorrelationConditionError, "condition"),
    (pysigma.SigmaConditionError, "condition"),
    (pysigma.SigmaFilterConditionError, "condition"),
    (pysigma.SigmaFilterRuleReferenceError, "rules"),
    (RecursionError, "condition"),  # searches are as deep as YAML may be at most
)
_CORRELATION_PARTS = ("aliases", "generate", "group-by", "timespan", "condition", "rule references")
_MODIFIER = re.compile(r"Modifier (\w+) incompatible to value type")
_SYNTAX = re.compile(r".*?found (.+?) +\(at char (\d+)\)")


class Fault(msgspec.Struct, frozen=True):
    """`paths` may lead to the faulty part, the likeliest first; `near` is a word of its line; `reason` one sentence."""

    paths: tuple[Path, ...]
    near: str
    reason: str


def fault_of(content: Any, error: Exception, placeholders: Placeholders) -> Fault:
    """What is wrong with a document, and where."""
    section = next((name for name in _SECTIONS if isinstance(content, dict) and name in content), "")
    near = error.near if isinstance(error, Unsupported) else _quoted(str(error))
    key = _key_of(error, near)
    if key is not None:
        return Fault(((section, "condition", key), (section, key), (key,), (section,)), near, _sentence(error))
    found = _Search(error, placeholders).within(content[section]) if section in ("detection", "filter") else None
    if found is None:
        return Fault(() if near or not section else ((section,),), near, _sentence(error))
    inside, value = found
    return Fault(((section, *inside),), near, _sentence(error, inside, value))


def _key_of(error: Exception, near: str) -> str | None:
    """The attribute or the part of a correlation that the error is about, or None when it is about a search."""
    if isinstance(error, Unsupported):
        return near[:-1] if near.endswith(":") else {"condition": near}.get(near)
    for kind, key in _ATTRIBUTES:
        if isinstance(error, kind):
            return key
    if isinstance(error, pysigma.SigmaCorrelationRuleError):
        part = next((part for part in _CORRELATION_PARTS if part in str(error)), "correlation")
        return "rules" if part == "rule references" else part
    return None


class _Search:
    """For the smallest part that cannot be read for the same reason: a rule may have more than one fault."""

    def __init__(self, error: Exception, placeholders: Placeholders) -> None:
        self._text = _bare(error)
        self._placeholders = placeholders

    def within(self, section: Any) -> tuple[Path, Any] | None:
        """The part's path in the section, and its value."""
        for name, definition in section.items() if isinstance(section, dict) else ():
            if name not in NOT_SEARCHES and (found := self._part(name, definition)) is not None:
                return (name, *found[0]), found[1]
        return None

    def _part(self, name: str, definition: Any) -> tuple[Path, Any] | None:
        if isinstance(definition, dict) and definition:
            for field, values in definition.items():
                if self._fails(partial(self._read, field, values)):
                    return self._value(field, values)
            return None
        if isinstance(definition, list) and definition:
            for place, item in enumerate(definition):
                if (found := self._part(name, item)) is not None:
                    return (place, *found[0]), found[1]
            return None
        if self._fails(partial(check_search, str(name), definition)) or self._fails(
            partial(self._read, None, definition)
        ):
            return (), definition
        return None

    def _value(self, field: str, values: Any) -> tuple[Path, Any]:
        for place, value in enumerate(values) if isinstance(values, list) else ():
            if self._fails(partial(self._read, field, value)):
                return (field, place), value
        return (field,), values

    def _read(self, key: str | None, values: Any) -> None:
        if key is not None:
            check_field(key, values)
            values = with_texts(key, values)
        item = SigmaDetectionItem.from_mapping(key, values, policy=POLICY)
        for value in item.value:
            test_of(item.field, value, self._placeholders)

    def _fails(self, reading: Callable[[], None]) -> bool:
        try:
            reading()
        except Exception as error:  # whatever pySigma trips over may be the fault that is looked for
            return _bare(error) == self._text
        return False


def _bare(error: Exception) -> str:
    """The message without the inside of a value, which differs from one time to the next."""
    return (str(error.args[0]) if error.args else type(error).__name__).partition(" to value type of ")[0]


def _sentence(error: Exception, path: Path = (), value: Any = None) -> str:
    """One sentence, without the file name pySigma appends and the words of its inside."""
    if isinstance(error, Unsupported):
        return str(error)
    if isinstance(error, RecursionError):
        return "the condition is nested too deeply to be read"
    text = " ".join(str(error.args[0]).split()) if error.args else type(error).__name__
    field = next((step for step in reversed(path) if isinstance(step, str)), "")
    if found := _MODIFIER.match(text):
        name = next((name for name, kind in modifier_mapping.items() if kind.__name__ == found[1]), found[1])
        where, of = (f"{field!r}: ", f"the value {_short(value)}") if field else ("", "its value")
        return f"{where}the modifier {name!r} has no meaning for {of}"
    if isinstance(error, pysigma.SigmaConditionError) and (found := _SYNTAX.match(text)):
        return f"the condition cannot be read further than {found[1]}, its character {int(found[2]) + 1}"
    if not isinstance(error, pysigma.SigmaError):
        where = f"{field!r}, " if field else ""
        return f"{where}not readable as a rule ({type(error).__name__}: {text})"
    return text


def _short(value: Any) -> str:
    written = "null" if value is None else repr(value)
    return written if len(written) <= 60 else written[:60] + "…"


def _quoted(text: str) -> str:
    """The first quoted word of a message: it usually stands on the faulty line."""
    parts = text.split("'")
    return parts[1].strip() if len(parts) > 2 else ""
