"""An incident: findings of one tenant grouped, with owner, status and verdict (OCSF: Incident Finding, 2005)."""

from enum import StrEnum


class IncidentStatus(StrEnum):
    """The way of an incident. `new` until an analyst acknowledges it."""

    new = "new"
    acknowledged = "acknowledged"
    closed = "closed"


class Verdict(StrEnum):
    """What an analyst decided when closing."""

    true_positive = "true_positive"
    benign = "benign"
    false_positive = "false_positive"
    unclear = "unclear"


class HistoryKind(StrEnum):
    """What an entry of an incident's history tells."""

    opened = "opened"
    raised = "raised"
    noted = "noted"
    acknowledged = "acknowledged"
    assigned = "assigned"
    closed = "closed"
    reopened = "reopened"
    notified = "notified"
    client_answered = "client_answered"
