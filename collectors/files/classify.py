"""Which log source an event belongs to, when nothing around it says so."""

from typing import Any

import msgspec

from jikimi.domain.event import Event
from jikimi.domain.logsource import (
    AGENT_HEALTH,
    FILE_ACCESS,
    MALWARE_SCAN,
    NETWORK_FLOW,
    REMOVABLE_MEDIA,
    UNKNOWN,
    WEB_INTEGRITY,
    LogSource,
)
from jikimi.domain.windows import logsource_of_event

_OURS = (  # fields that only this source of ours has together, see rules/README.md
    (NETWORK_FLOW, {"SourceIp", "DestinationIp", "ConnectionState"}),
    (FILE_ACCESS, {"Action", "TargetFilename"}),
    (REMOVABLE_MEDIA, {"Action", "MountPoint"}),
    (REMOVABLE_MEDIA, {"Action", "Serial"}),
    (WEB_INTEGRITY, {"Url", "Check", "Status"}),
    (MALWARE_SCAN, {"TargetFilename", "Signature", "Engine"}),
    (AGENT_HEALTH, {"Kind", "Collector"}),
)


def classify(event: Event) -> LogSource:
    """By Windows channel, provider and event id, else by the shape of our own events, else UNKNOWN."""
    if (windows := logsource_of_event(event)) is not None:
        return windows
    names = event.keys()
    if {"EventID", "Provider_Name"} <= names:
        return LogSource(product="windows")  # a trace session's event has a provider but no channel
    for logsource, fields in _OURS:
        if fields <= names:
            return logsource
    return UNKNOWN


def stated_logsource(value: Any) -> LogSource | None:
    """The log source that a `logsource` key states, or None when it is something else."""
    if not isinstance(value, dict) or not value or not value.keys() <= {"product", "category", "service", "definition"}:
        return None
    try:
        return msgspec.convert(value, LogSource)
    except msgspec.ValidationError:
        return None
