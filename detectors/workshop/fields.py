"""Fields that no event of a rule's log source carries: mostly a misspelling, and then the rule never fires.

What is known: the fields of our own log sources as rules/README.md documents them, and for the others
`known_fields.txt`, names seen in real telemetry and in the public rules (`learn_fields` writes it). A log source of
neither is not judged.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from detectors.sigma.rule import Rule
from detectors.sigma.tree import Test, leaves
from detectors.workshop.documents import Document
from detectors.workshop.remark import Remark
from jikimi.domain import windows
from jikimi.domain.logsource import LogSource

Known = Mapping[LogSource, frozenset[str]]

_TABLE = Path(__file__).with_name("known_fields.txt")
_ROW = re.compile(r"^\| `(\w+)` \| (.+) \|$", re.MULTILINE)
_VALUES = re.compile(r"\([^)]*\)")
_OF_EVERY_EVENT = frozenset({"@timestamp", "Hostname"})
_OF_WINDOWS = frozenset(
    {
        *("Channel", "Computer", "EventID", "EventRecordID", "EventType", "Keywords", "Level", "Message", "Opcode"),
        *("Provider_Guid", "Provider_Name", "Source", "Task", "UserID", "Version"),
        *("Execution_ProcessID", "Execution_ThreadID", "Security_UserID", "Correlation_ActivityID"),
    }
)
_OF_DEVICES: Known = {
    LogSource(category="firewall"): frozenset(
        {
            *("type", "subtype", "severity", "virus"),  # Fortinet, "FortiOS Log Message Reference"
            *("threat_severity", "log_type"),  # Palo Alto Networks, "Threat Log Fields"; Sophos, "Log file format"
            *("alert.severity", "alert.signature", "alert.category"),  # Suricata, "Eve JSON Format"
        }
    ),
    LogSource(category="proxy"): frozenset({"log_type", "virus"}),
}
"""The devices' own fields, which stand beside the names that all of a category share."""


def known_fields(our_rules: Path) -> Known:
    """The fields of each log source; `our_rules` is the folder whose README.md documents our own."""
    public = public_fields()
    shared = {source: public.get(source, frozenset()) | names for source, names in _OF_DEVICES.items()}
    return {**public, **shared, **_our_fields(our_rules / "README.md")}


@cache
def public_fields() -> Known:
    """What `known_fields.txt` says: `product=… category=… service=…: names`, one log source a line."""
    table = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            stated, _, names = line.partition(": ")
            table[LogSource(**dict(part.split("=", 1) for part in stated.split()))] = frozenset(names.split("\t"))
    return table


def remarks_of_fields(rules: Sequence[Rule], documents: Mapping[str, Document], known: Known) -> Iterator[Remark]:
    """A remark for each field of a rule that its log source does not know; `documents` by rule id."""
    for rule in rules:
        there = fields_of_source(rule.logsource, known)
        if not there or (document := documents.get(rule.id)) is None:
            continue
        for field in sorted(asked(rule) - there):
            near = get_close_matches(field, there, 1, 0.75) or _same_letters(field, there)
            hint = f"; did you mean {near[0]}?" if near else ""
            text = f"no event of {rule.logsource} is known to carry the field {field!r}{hint}"
            yield Remark(rule.title, rule.file, document.line_of(field), "field", text)


def asked(rule: Rule) -> set[str]:
    """The fields a rule's tests look at."""
    return {name for leaf in leaves(rule.condition) for name in _names(leaf)}


def fields_of_source(stated: LogSource, known: Known) -> frozenset[str]:
    """Every field that events of this log source may carry; empty when nothing is known of it."""
    product, category, service = stated.product, stated.category, stated.service
    same = {LogSource(product, category, service), LogSource(product, category), LogSource(product, None, service)}
    found = [names for source, names in known.items() if source in same]
    if product is None:
        found += [names for source, names in known.items() if category and source.category == category]
    if product == "windows" and service is not None:
        channels = {channel.lower() for channel in windows.CHANNELS_OF_SERVICE.get(service, ())}
        categories = {c for channel in channels for c in windows.IDS_OF_CATEGORY.get(channel, ())}
        found += [known.get(LogSource("windows", c), frozenset()) for c in categories]
    if not found or stated == LogSource(product):
        return frozenset()
    return frozenset().union(*found, _OF_EVERY_EVENT, _OF_WINDOWS if product in (None, "windows") else ())


def _names(leaf: Test) -> Iterator[str]:
    if leaf.field is not None:
        yield leaf.field
    if other := getattr(leaf, "other", None):
        yield other


def _same_letters(field: str, there: frozenset[str]) -> list[str]:
    """`commandline`, `command_line` for CommandLine."""
    plain = _plain(field)
    return [name for name in sorted(there) if _plain(name) == plain]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _our_fields(readme: Path) -> Known:
    """The table of our own log sources: names in backticks, except those in brackets, which are values."""
    try:
        text = readme.read_text(encoding="utf-8")
    except OSError:
        return {}
    return {
        LogSource("jikimi", category): frozenset(
            name for names in re.findall(r"`([^`]+)`", _VALUES.sub("", told)) for name in names.split()
        )
        for category, told in _ROW.findall(text)
    }
