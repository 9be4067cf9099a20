"""Findings become incidents: pure, so that the same findings always make the same incidents.

Two findings of one tenant belong to one incident when they share the device, the user or the rule and lie within
`WINDOW` of each other in event time. A finding whose device, user and rule lead to different incidents joins the
device's, else the user's, else the rule's; from then on all its keys lead there. The first finding opens an incident at
once. A closed incident takes no more: what comes after it opens a new one. A watched web site is a device of its own,
and findings of two sites share nothing: whoever is told of the one has to hear of the other.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from detectors import scoring
from jikimi.domain.finding import Finding, finding_id
from jikimi.domain.incident import HistoryKind, IncidentStatus
from jikimi.domain.logsource import WEB_INTEGRITY
from jikimi.domain.risk import RiskLevel

WINDOW = timedelta(hours=1)
NAMES_KEPT = 20

FOR_THE_CENTRE = frozenset({"jikimi-rule-quarantined"})
"""Rules that speak of the centre's own work: analysts see their incidents, clients are not told."""

_SHARED_ACCOUNTS = {"", "-", "system", "local service", "network service", "anonymous logon", "root"}
"""Accounts that every machine has: sharing one says nothing."""


class RuleTally(msgspec.Struct):
    """What an incident keeps of one rule (a value of `incidents.rules`)."""

    title: str
    level: str
    tags: list[str]
    count: int
    devices: list[str]
    advice_ko: list[str]
    advice_en: list[str]


class Incident(msgspec.Struct):
    """One row of `incidents`, as far as detectors write it; field names are the columns'."""

    id: str
    tenant_id: str
    number: int
    title_ko: str
    title_en: str
    risk: RiskLevel
    score: int
    score_terms: list[dict[str, Any]]
    status: str
    first_time: datetime
    last_time: datetime
    opened_at: datetime
    updated_at: datetime
    finding_count: int
    event_count: int
    lead_finding_id: str
    devices: list[str]
    users: list[str]
    rules: dict[str, RuleTally]
    version: int


class Lead(NamedTuple):
    """Where a key leads, and the event time of the last finding under it."""

    incident_id: str
    last_time: datetime


class Advice(NamedTuple):
    """A rule's words on what to do, at most three steps."""

    ko: tuple[str, ...] = ()
    en: tuple[str, ...] = ()


class HistoryEntry(NamedTuple):
    tenant_id: str
    incident_id: str
    kind: HistoryKind
    detail: dict[str, Any]


class Notice(NamedTuple):
    """What the client must be told; `dedup_key` makes it once."""

    incident: Incident
    kind: str
    dedup_key: str


Key = tuple[str, str]
"""(tenant id, "device:…" | "user:…" | "rule:…")"""


def keys_of(finding: Finding) -> list[Key]:
    """The finding's keys, the one that decides first."""
    keys = [f"device:{finding.device_id}/{finding.device_name.lower()}"]
    account = finding.user.rsplit("\\", 1)[-1].lower()
    if account not in _SHARED_ACCOUNTS and not account.endswith("$"):
        keys.append(f"user:{finding.user.lower()}")
    if finding.logsource != WEB_INTEGRITY:
        keys.append(f"rule:{finding.rule_id}")
    return [(finding.tenant_id, key[:300]) for key in keys]


class Book:
    """The open incidents that a batch of findings may touch, and what the batch does to them.

    Give it every incident that `leads` name; take `changed`, `leads_changed`, `history` and `notices()` from it.
    """

    def __init__(
        self, incidents: Iterable[Incident], leads: Mapping[Key, Lead], *, next_number: int, now: datetime
    ) -> None:
        self._incidents = {incident.id: incident for incident in incidents}
        self._risk_before = {incident.id: incident.risk for incident in self._incidents.values()}
        self._leads = dict(leads)
        self._next_number = next_number
        self._now = now
        self.changed: dict[str, Incident] = {}
        self.leads_changed: dict[Key, Lead] = {}
        self.history: list[HistoryEntry] = []

    def add(self, finding: Finding, advice: Advice) -> Incident:
        """Put a new finding into its incident, opening one where none fits."""
        incident = self._incident_for(finding) or self._open(finding)
        incident.finding_count += 1
        incident.event_count += finding.event_count
        incident.first_time = min(incident.first_time, finding.time)
        _remember(incident.devices, finding.device_name)
        _remember(incident.users, finding.user)
        _tally(incident.rules, finding, advice)
        self._rate(incident, finding)
        self._lead_to(incident, finding)
        return incident

    def grow(self, finding: Finding, incident_id: str, events_before: int) -> None:
        """A finding that went on: its exact count rises, in place."""
        incident = self._incidents.get(incident_id)
        if incident is None:
            return
        incident.event_count += finding.event_count - events_before
        self._rate(incident, finding)
        self._lead_to(incident, finding)

    def notices(self) -> list[Notice]:
        """At most one notice an incident: opened, or raised to a higher risk level."""
        told = []
        for incident in self.changed.values():
            if incident.rules.keys() <= FOR_THE_CENTRE:
                continue
            before = self._risk_before.get(incident.id)
            if before is None:
                told.append(Notice(incident, "opened", f"{incident.id}:opened"))
            elif incident.risk > before:
                told.append(Notice(incident, "raised", f"{incident.id}:raised:{incident.risk.name}"))
        return told

    def _incident_for(self, finding: Finding) -> Incident | None:
        for key in keys_of(finding):
            lead = self._leads.get(key)
            if lead is None or abs(finding.time - lead.last_time) > WINDOW:
                continue
            incident = self._incidents.get(lead.incident_id)
            if incident is not None and incident.status != IncidentStatus.closed:
                return incident
        return None

    def _open(self, finding: Finding) -> Incident:
        incident = Incident(
            id=finding_id(finding.tenant_id, "incident", "", finding.id, ""),
            tenant_id=finding.tenant_id,
            number=self._next_number,
            title_ko=finding.title_ko,
            title_en=finding.title_en,
            risk=RiskLevel.low,
            score=0,
            score_terms=[],
            status=IncidentStatus.new,
            first_time=finding.time,
            last_time=finding.time,
            opened_at=self._now,
            updated_at=self._now,
            finding_count=0,
            event_count=0,
            lead_finding_id=finding.id,
            devices=[],
            users=[],
            rules={},
            version=0,
        )
        self._next_number += 1
        self._incidents[incident.id] = incident
        self._note(incident, HistoryKind.opened, finding)
        return incident

    def _rate(self, incident: Incident, finding: Finding) -> None:
        """Score anew, let the worst finding lead the title, and mark the change."""
        incident.last_time = max(incident.last_time, finding.time)
        incident.updated_at = self._now
        terms = scoring.score_terms(
            scoring.Seen(t.level, tuple(t.tags), frozenset(t.devices)) for t in incident.rules.values()
        )
        incident.score = scoring.score(terms)
        incident.score_terms = [term._asdict() for term in terms]
        risk = scoring.risk_of_score(incident.score)
        if risk > incident.risk and incident.id in self._risk_before:
            self._note(incident, HistoryKind.raised, finding, {"from": incident.risk.name, "to": risk.name})
        incident.risk = max(incident.risk, risk)
        if finding.id == incident.lead_finding_id or self._leads_title(incident, finding):
            incident.lead_finding_id = finding.id
            incident.title_ko, incident.title_en = finding.title_ko, finding.title_en
        if incident.id not in self.changed:
            incident.version += 1
            self.changed[incident.id] = incident

    def _leads_title(self, incident: Incident, finding: Finding) -> bool:
        """A finding takes the title over when its rule is worse than every other rule of the incident."""
        others = [t.level for rule_id, t in incident.rules.items() if rule_id != finding.rule_id]
        return (
            bool(others)
            and all(scoring.worse(finding.level, level) for level in others)
            and (incident.rules[finding.rule_id].count <= 1)
        )

    def _lead_to(self, incident: Incident, finding: Finding) -> None:
        for key in keys_of(finding):
            known = self._leads.get(key)
            last = max(finding.time, known.last_time) if known and known.incident_id == incident.id else finding.time
            self._leads[key] = self.leads_changed[key] = Lead(incident.id, last)

    def _note(
        self, incident: Incident, kind: HistoryKind, finding: Finding, more: dict[str, Any] | None = None
    ) -> None:
        detail = {"finding_id": finding.id, "title_ko": finding.title_ko, "title_en": finding.title_en}
        self.history.append(HistoryEntry(incident.tenant_id, incident.id, kind, detail | (more or {})))


def _remember(names: list[str], name: str) -> None:
    if name and name not in names and len(names) < NAMES_KEPT:
        names.append(name)


def _tally(rules: dict[str, RuleTally], finding: Finding, advice: Advice) -> None:
    tally = rules.get(finding.rule_id)
    if tally is None:
        tally = rules[finding.rule_id] = RuleTally(
            finding.rule_title, finding.level, list(finding.tags), 0, [], list(advice.ko), list(advice.en)
        )
    tally.count += 1
    _remember(tally.devices, finding.device_name)
