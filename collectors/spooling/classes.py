"""Which events go first, and which go when there is no room."""

from jikimi.domain.logsource import (
    AGENT_HEALTH,
    DNS_QUERY,
    EVIDENCE,
    EXPORTED_FLOW,
    FILE_ACCESS,
    LEAK_EVIDENCE,
    MALWARE_SCAN,
    NETWORK_FLOW,
    PROCESS_CREATION,
    REMOVABLE_MEDIA,
    WEB_INTEGRITY,
    LogSource,
)

HEALTH, HIGH, USUAL, LOW = "health", "high", "usual", "low"
CLASSES = (HEALTH, HIGH, USUAL, LOW)
"""In the order they are sent; dropped from the last on, HEALTH never: it is the account of what was dropped."""

_HIGH = {EVIDENCE, FILE_ACCESS, REMOVABLE_MEDIA, LEAK_EVIDENCE, MALWARE_SCAN, WEB_INTEGRITY}
_LOW = {NETWORK_FLOW, EXPORTED_FLOW, DNS_QUERY, PROCESS_CREATION}


def class_of(logsource: LogSource) -> str:
    """Files and media may be the only trace of a leak; logs are kept elsewhere too; flows, names and processes are
    many, and each says little. What was spooled under another class stays there."""
    if logsource == AGENT_HEALTH:
        return HEALTH
    return HIGH if logsource in _HIGH else LOW if logsource in _LOW else USUAL
