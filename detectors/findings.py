"""A rule's match or a correlation's hit becomes a finding: who, where, when, and the layman's sentence."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from detectors.incidents import Advice
from detectors.sigma.correlate import CorrelationHit
from detectors.sigma.rule import Rule
from detectors.titles import sentence
from jikimi.domain.event import Event, event_time
from jikimi.domain.finding import Finding, finding_id
from jikimi.domain.logsource import LogSource
from jikimi.domain.risk import risk_of_level

_DEVICE_FIELDS = ("Hostname", "Computer", "ComputerName", "host", "hostname")
_USER_FIELDS = ("User", "TargetUserName", "SubjectUserName", "AccountName", "user", "cs-username")


class Origin(NamedTuple):
    """Where an event came from, as its batch's envelope says."""

    tenant_id: str
    device_id: str
    device_name: str
    logsource: LogSource


def of_match(rule: Rule, event: Event, event_id: str, origin: Origin) -> Finding:
    """One finding of one event; its id is that of rule and event, so a replayed event yields the same finding."""
    return _finding(rule, event, origin, key=event_id, window="", event_ids=(event_id,), counts={"count": 1})


def of_hit(hit: CorrelationHit, origin: Origin) -> Finding:
    """One finding of a correlation; while the correlation goes on its id stays and its counts rise."""
    group = "\x1f".join(f"{name}={value}" for name, value in sorted(hit.group.items()))
    counts = {"count": hit.event_count, "distinct": hit.distinct}
    return _finding(
        hit.rule,
        hit.event | hit.group,
        origin,
        key=group,
        window=hit.window_start.isoformat(),
        event_ids=tuple(hit.event_ids),
        counts=counts,
    )


def advice_of(words: Mapping[str, Any]) -> Advice:
    """What a rule's own `jikimi` words say to do, at most three steps a language."""
    return Advice(tuple(words.get("advice_ko", ()))[:3], tuple(words.get("advice_en", ()))[:3])


def _finding(
    rule: Rule,
    event: Event,
    origin: Origin,
    *,
    key: str,
    window: str,
    event_ids: tuple[str, ...],
    counts: dict[str, int],
) -> Finding:
    device_name = _first(event, _DEVICE_FIELDS) or origin.device_name
    title_ko, title_en = sentence(rule.jikimi, rule.tags, device_name, event, counts)
    return Finding(
        id=finding_id(origin.tenant_id, rule.id, rule.version, key, window),
        tenant_id=origin.tenant_id,
        rule_id=rule.id,
        rule_title=rule.title,
        rule_version=rule.version,
        level=rule.level,
        risk=risk_of_level(rule.level),
        time=event_time(event),
        logsource=origin.logsource,
        device_id=origin.device_id,
        device_name=device_name[:200],
        user=_first(event, _USER_FIELDS)[:200],
        title_ko=title_ko,
        title_en=title_en,
        event=event,
        event_ids=event_ids,
        event_count=counts["count"],
        tags=rule.tags,
    )


def _first(event: Event, names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := event.get(name), str) and value not in ("", "-")), "")
