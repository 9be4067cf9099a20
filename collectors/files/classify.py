"""Which log source an event belongs to, when nothing around it says so."""

from typing import Any

import msgspec

from jikimi.domain.event import Event
from jikimi.domain.logsource import (
    AGENT_HEALTH,
    FILE_ACCESS,
    LEAK_EVIDENCE,
    MALWARE_SCAN,
    NETWORK_FLOW,
    PRINT_JOB,
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
    (LEAK_EVIDENCE, {"Evidence", "Confidence", "TargetFilename"}),
    (MALWARE_SCAN, {"TargetFilename", "Signature", "Engine"}),
    (AGENT_HEALTH, {"Kind", "Collector"}),
    (PRINT_JOB, {"Printer", "JobId"}),
)
_AUDIT_TYPES = frozenset(
    [
        "SYSCALL",
        "EXECVE",
        "PATH",
        "CWD",
        "PROCTITLE",
        "SOCKADDR",
        "TTY",
        "USER_TTY",
        "USER_CMD",
        "USER_AUTH",
        "USER_LOGIN",
        "USER_START",
        "USER_END",
        "ADD_USER",
        "DEL_USER",
        "ADD_GROUP",
        "DEL_GROUP",
        "SERVICE_START",
        "SERVICE_STOP",
        "CRED_ACQ",
        "CRED_DISP",
        "USER_ACCT",
        "CONFIG_CHANGE",
        "AVC",
        "SECCOMP",
        "KERN_MODULE",
    ]
)
_EXPORTS = (  # fields of audit logs that others export as JSON; their names are the ones Sigma's rules use
    (LogSource(product="aws", service="cloudtrail"), {"eventSource", "eventName", "awsRegion"}),
    (LogSource(product="aws", service="cloudtrail"), {"eventSource", "eventName", "userIdentity"}),
    (LogSource("kubernetes", "application", "audit"), {"auditID", "verb", "objectRef"}),
    (LogSource("kubernetes", "application", "audit"), {"auditID", "verb", "requestURI"}),
    (LogSource("opencanary", "application"), {"logtype", "node_id", "dst_port"}),
    (LogSource(product="bitbucket", service="audit"), {"auditType", "affectedObjects"}),
    (LogSource(product="okta", service="okta"), {"eventType", "debugContext", "actor"}),
    (LogSource(category="webserver"), {"cs-method", "cs-uri-stem"}),
    (LogSource(category="webserver"), {"cs-method", "cs-uri-query"}),
    (LogSource(category="proxy"), {"c-uri"}),
    (LogSource(category="dns"), {"query", "record_type"}),
)


def classify(event: Event) -> LogSource:
    """By Windows channel, provider and event id, else by fields that one kind of log alone has together.

    Else UNKNOWN.
    """
    if (windows := logsource_of_event(event)) is not None:
        return windows
    names = event.keys()
    if {"EventID", "Provider_Name"} <= names:
        return LogSource(product="windows")  # a trace session's event has a provider but no channel
    for logsource, fields in _OURS:
        if fields <= names:
            return logsource
    if event.get("type") in _AUDIT_TYPES:
        return LogSource(product="linux", service="auditd")
    if {"Image", "CommandLine"} <= names:
        system = "linux" if str(event["Image"]).startswith("/") else "windows"
        return LogSource(product=system, category="process_creation")
    for logsource, fields in _EXPORTS:
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
