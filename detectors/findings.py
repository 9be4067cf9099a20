"""A rule's match or a correlation's hit becomes a finding: who, where, when, and the layman's sentence."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from detectors.incidents import FOR_THE_CENTRE, Advice
from detectors.sigma.correlation_hit import CorrelationHit
from detectors.sigma.rule import Rule
from detectors.titles import sentence
from jikimi.domain.event import TIMESTAMP, Event, event_time, format_time
from jikimi.domain.finding import Finding, finding_id
from jikimi.domain.logsource import LogSource
from jikimi.domain.risk import risk_of_level

(QUARANTINED,) = FOR_THE_CENTRE

_DEVICE_FIELDS = ("Hostname", "Computer", "ComputerName", "host", "hostname")
_USER_FIELDS = ("User", "TargetUserName", "SubjectUserName", "AccountName", "user", "cs-username")


class Origin(msgspec.Struct, frozen=True):
    """Where an event came from, as its batch's envelope says."""

    tenant_id: str
    device_id: str
    device_name: str
    logsource: LogSource


def of_match(rule: Rule, event: Event, event_id: str, origin: Origin) -> Finding:
    """One finding of one event; its id is that of rule and event, so a replayed event yields the same finding."""
    return _finding(rule, event, origin, key=event_id, window="", event_ids=(event_id,), counts={"count": 1})


def written(origin: Origin) -> bytes:
    """As correlations keep it until they tell (`CorrelationHit.origin`)."""
    return msgspec.msgpack.encode(origin)


def of_hit(hit: CorrelationHit) -> Finding:
    """One finding of a correlation; while the correlation goes on its id stays and its counts rise."""
    origin = msgspec.msgpack.decode(hit.origin, type=Origin)
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


def of_quarantine(rule: Rule, tenant_id: str, reason: str, at: datetime) -> Finding:
    """The centre's finding about itself: a rule that is not watched with. `tenant_id` is whose events it met."""
    stopped = f"탐지 규칙 ‘{rule.title}’을(를) 격리했습니다. 풀기 전까지 이 규칙으로는 탐지하지 않습니다."
    return Finding(
        id=finding_id(tenant_id, QUARANTINED, rule.version, rule.id, at.isoformat()),
        tenant_id=tenant_id,
        rule_id=QUARANTINED,
        rule_title="Rule in quarantine",
        rule_version=rule.version,
        level="medium",
        risk=risk_of_level("medium"),
        time=at,
        logsource=LogSource(product="jikimi", service="centre"),
        device_id="jikimi-centre",
        device_name="지킴이 관제센터",
        user="",
        title_ko=stopped,
        title_en=f"The rule {rule.title!r} is in quarantine: nothing is found with it until it is released",
        event={TIMESTAMP: format_time(at), "RuleId": rule.id, "Rule": rule.title, "Reason": reason},
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
