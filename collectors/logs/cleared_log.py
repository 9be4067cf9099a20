"""The record of a cleared log (System 104 of Microsoft-Windows-Eventlog) has two channels: its own, the cleared one.

Microsoft's manifest calls both `Channel`. The record's own keeps the name; the cleared log is `UserData_Channel`,
however the record came. Public rules that ask such a record for its `Channel` mean the cleared one
(jikimi.domain.windows).
"""

import re

from jikimi.domain.event import Event
from jikimi.domain.windows import CLEARED_LOG, LOG_CLEARED, SYSTEM

_PROVIDER = "microsoft-windows-eventlog"
_PROVIDER_NAMES = ("Provider_Name", "SourceName", "ProviderName")
_OTHER_NAMES = ("LogFileCleared.Channel", "LogFileCleared_Channel", "EventData_Channel", "UserData.Channel")
_MESSAGE = re.compile(r"The (.+) log file was cleared")


def name_cleared_log(event: Event) -> None:
    """Sees to `Channel` and `UserData_Channel` of a flat record of a cleared log; leaves every other event as it is."""
    if event.get("EventID") != LOG_CLEARED or CLEARED_LOG in event:
        return
    provider = next((event[name] for name in _PROVIDER_NAMES if name in event), None)
    if not isinstance(provider, str) or provider.lower() != _PROVIDER:
        return
    own = event.get("Channel")
    other = next((event.pop(name) for name in _OTHER_NAMES if name in event), None)
    if other is None and isinstance(own, str) and own.lower() != SYSTEM:
        other = own  # in a flat record the second of two equal names took the first one's place
        event["Channel"] = "System"
    if other is None and (said := _MESSAGE.search(str(event.get("Message", "")))) is not None:
        other = said[1]
    if other is not None:
        event[CLEARED_LOG] = other
