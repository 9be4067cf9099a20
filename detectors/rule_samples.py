"""Samples beside a rule: what must match it and what must not (format: rules/README.md)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from detectors.detection import Detection, Taken
from detectors.sigma.match import RuleSet
from jikimi.domain.event import (
    TIMESTAMP,
    Envelope,
    Event,
    EventBatch,
    block_of,
    canonical,
    event_time,
    format_time,
)
from jikimi.domain.finding import Finding
from jikimi.domain.logsource import LogSource
from jikimi.domain.tenant import Tenant
from jikimi.errors import Misconfigured

REPEAT = "$repeat"
"""An event with `"$repeat": 60` stands for 60 of it, a second apart, `{n}` in its values being 0 to 59."""


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of `<rule>.samples.ndjson`. `rule` is the id it speaks of."""

    rule: str
    expect: Literal["match", "no_match"]
    why: str
    logsource: LogSource
    events: list[dict[str, Any]]


def samples_of(rule_file: Path) -> list[Sample]:
    """The samples beside a rule file. Raises Misconfigured, with file and line, for one that cannot be read."""
    file = rule_file.with_suffix(".samples.ndjson")
    if not file.exists():
        return []
    samples = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            samples.append(msgspec.json.decode(line, type=Sample))
        except msgspec.MsgspecError as error:
            raise Misconfigured(f"{file}:{number}: not a sample: {error}") from error
    return samples


def run_sample(rules: RuleSet, sample: Sample, tenant: Tenant) -> list[Finding]:
    """The sample through enrichment, rules and correlations, as the worker would."""
    events = list(_spread(sample.events))
    last = max(event_time(event) for event in events)
    envelope = Envelope("agent", "epoch", 0, len(events), sample.logsource, last, tenant.id, "device", received_at=last)
    batch = EventBatch(envelope, block_of(map(canonical, events)))
    return Detection(rules).detect([Taken(batch, 0, tenant, "PC-01")])


def _spread(events: list[Event]) -> Iterator[Event]:
    for event in events:
        times = event.get(REPEAT, 1)
        start = event_time(event)
        plain = {name: value for name, value in event.items() if name != REPEAT}
        for n in range(times):
            moment = format_time(start + timedelta(seconds=n))
            yield {name: _numbered(value, n) for name, value in plain.items()} | {TIMESTAMP: moment}


def _numbered(value: object, n: int) -> object:
    return value.replace("{n}", str(n)) if isinstance(value, str) else value
