"""The channel of a flat Windows record that came without it, where its provider writes to one channel only.

Without a channel no rule of a category or service would see the record.
"""

from jikimi.domain.event import Event
from jikimi.domain.windows import id_of

_PROVIDER_NAMES = ("Provider_Name", "SourceName", "ProviderName")
_SYSMON = "Microsoft-Windows-Sysmon/Operational"
_OF_PROVIDER = {
    "microsoft-windows-sysmon": _SYSMON,
    "microsoft-windows-security-auditing": "Security",
    "microsoft-windows-powershell": "Microsoft-Windows-PowerShell/Operational",
    "powershell": "Windows PowerShell",
    "service control manager": "System",
    "microsoft-windows-windows defender": "Microsoft-Windows-Windows Defender/Operational",
    "microsoft-windows-taskscheduler": "Microsoft-Windows-TaskScheduler/Operational",
    "microsoft-windows-bits-client": "Microsoft-Windows-Bits-Client/Operational",
    "microsoft-windows-wmi-activity": "Microsoft-Windows-WMI-Activity/Operational",
}
_SYSMONS_OWN = {"UtcTime", "ProcessGuid"}
"""Every record of Sysmon about a process has both; no other log has."""


def name_channel(event: Event) -> None:
    """Adds `Channel` to a record that has an event id, no channel, and a provider of one channel, or is Sysmon's."""
    if "Channel" in event or id_of(event) is None:
        return
    provider = next((event[name] for name in _PROVIDER_NAMES if name in event), None)
    channel = _OF_PROVIDER.get(str(provider).lower())
    if channel is None and provider is None and event.keys() >= _SYSMONS_OWN:
        channel = _SYSMON
    if channel is not None:
        event["Channel"] = channel
