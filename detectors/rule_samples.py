"""Samples beside a rule: what must match it and what must not (format: rules/README.md)."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import msgspec

from detectors.detection import Detection, Taken
from detectors.release.life import Life
from detectors.sigma.correlate import END
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

REPEAT, EVERY, LOGSOURCE = "$repeat", "$every", "$logsource"
"""An event with `"$repeat": 60` stands for 60 of it, `$every` seconds apart (1), `{n}` in its values being 0 to 59;
`$logsource` says where this one came from, when not from where the sample's others did."""


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


def run_sample(rules: RuleSet, sample: Sample, tenant: Tenant, life: Life | None = None) -> list[Finding]:
    """The sample through enrichment, rules and correlations, as the worker would: a batch a run of one log source.

    With a `life` its stages and exceptions are heeded too; without one every rule is live.
    """
    spread = list(_spread(sample))
    last = max(event_time(event) for _, event in spread)
    detection, found, seq = Detection(rules, life=life), list[Finding](), 0
    for logsource, run in groupby(spread, key=lambda one: one[0]):
        events = [event for _, event in run]
        envelope = Envelope("agent", "epoch", seq, len(events), logsource, last, tenant.id, "device", received_at=last)
        batch = EventBatch(envelope, block_of(map(canonical, events)))
        found += detection.detect([Taken(batch, 0, tenant, "PC-01")])
        seq += len(events)
    return found + detection.close(END)


def _spread(sample: Sample) -> Iterator[tuple[LogSource, Event]]:
    for event in sample.events:
        start, every = event_time(event), event.get(EVERY, 1)
        logsource = msgspec.convert(event[LOGSOURCE], LogSource) if LOGSOURCE in event else sample.logsource
        plain = {name: value for name, value in event.items() if not name.startswith("$")}
        for n in range(event.get(REPEAT, 1)):
            moment = format_time(start + timedelta(seconds=n * every))
            yield logsource, {name: _numbered(value, n) for name, value in plain.items()} | {TIMESTAMP: moment}


def _numbered(value: object, n: int) -> object:
    return value.replace("{n}", str(n)) if isinstance(value, str) else value
