"""Windows event log → Sigma log source, as tables.

A channel names Sigma's `service`; a channel with an event id names the `category` of the same event. Both come from
Sigma's taxonomy (specification 2.1, "Appendix: Taxonomy") and the mappings published with the public rules.
Channel names are compared without regard to case: real exports write both `Security` and `security`.
"""

from collections.abc import Mapping
from typing import Any

from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource

SYSMON = "microsoft-windows-sysmon/operational"
SECURITY = "security"
SYSTEM = "system"
POWERSHELL = "microsoft-windows-powershell/operational"
POWERSHELL_CORE = "powershellcore/operational"
POWERSHELL_CLASSIC = "windows powershell"
PRINT_SERVICE = "microsoft-windows-printservice/operational"
RPC_FIREWALL = "rpcfw"
WITHOUT_SPACED_NAMES = frozenset({SECURITY, SYSMON, POWERSHELL, POWERSHELL_CORE, POWERSHELL_CLASSIC})
"""Channels whose providers' manifests name no field with a space in it, or none at all."""
DEFENDER = "microsoft-windows-windows defender/operational"
KERNEL_FILE = "microsoft-windows-kernel-file/analytic"
LOG_CLEARED = 104
"""The id, in the channel System, of the record that another log was cleared; Security's own clearing is its 1102."""
CLEARED_LOG = "UserData_Channel"
"""Which log that was: a second `Channel` in the record."""

CHANNELS_OF_SERVICE: Mapping[str, tuple[str, ...]] = {
    "application": ("Application",),
    "application-experience": (
        "Microsoft-Windows-Application-Experience/Program-Telemetry",
        "Microsoft-Windows-Application-Experience/Program-Compatibility-Assistant",
    ),
    "applocker": (
        "Microsoft-Windows-AppLocker/EXE and DLL",
        "Microsoft-Windows-AppLocker/MSI and Script",
        "Microsoft-Windows-AppLocker/Packaged app-Deployment",
        "Microsoft-Windows-AppLocker/Packaged app-Execution",
    ),
    "appmodel-runtime": ("Microsoft-Windows-AppModel-Runtime/Admin",),
    "appxdeployment-server": ("Microsoft-Windows-AppXDeploymentServer/Operational",),
    "appxpackaging-om": ("Microsoft-Windows-AppxPackaging/Operational",),
    "bitlocker": ("Microsoft-Windows-BitLocker/BitLocker Management",),
    "bits-client": ("Microsoft-Windows-Bits-Client/Operational",),
    "capi2": ("Microsoft-Windows-CAPI2/Operational",),
    "certificateservicesclient-lifecycle-system": (
        "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",
    ),
    "codeintegrity-operational": ("Microsoft-Windows-CodeIntegrity/Operational",),
    "dhcp": ("Microsoft-Windows-DHCP-Server/Operational",),
    "diagnosis-scripted": ("Microsoft-Windows-Diagnosis-Scripted/Operational",),
    "dns-client": ("Microsoft-Windows-DNS Client Events/Operational", "Microsoft-Windows-DNS-Client/Operational"),
    "dns-server": ("DNS Server",),
    "dns-server-analytic": ("Microsoft-Windows-DNS-Server/Analytical",),
    "dns-server-audit": ("Microsoft-Windows-DNS-Server/Audit",),
    "driver-framework": ("Microsoft-Windows-DriverFrameworks-UserMode/Operational",),
    "firewall-as": ("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",),
    "hyper-v-worker": ("Microsoft-Windows-Hyper-V-Worker", "Microsoft-Windows-Hyper-V-Worker-Admin"),
    "iis-configuration": ("Microsoft-IIS-Configuration/Operational",),
    "kernel-event-tracing": ("Microsoft-Windows-Kernel-EventTracing", "Microsoft-Windows-Kernel-EventTracing/Admin"),
    "kernel-shimengine": (
        "Microsoft-Windows-Kernel-ShimEngine/Operational",
        "Microsoft-Windows-Kernel-ShimEngine/Diagnostic",
    ),
    "ldap": ("Microsoft-Windows-LDAP-Client/Debug",),
    "lsa-server": ("Microsoft-Windows-LSA/Operational",),
    "microsoft-servicebus-client": ("Microsoft-ServiceBus-Client/Operational", "Microsoft-ServiceBus-Client/Admin"),
    "msexchange-management": ("MSExchange Management",),
    "ntfs": ("Microsoft-Windows-Ntfs/Operational",),
    "ntlm": ("Microsoft-Windows-NTLM/Operational",),
    "openssh": ("OpenSSH/Operational",),
    "powershell": ("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational"),
    "powershell-classic": ("Windows PowerShell",),
    "printservice-admin": ("Microsoft-Windows-PrintService/Admin",),
    "printservice-operational": ("Microsoft-Windows-PrintService/Operational",),
    "security": ("Security",),
    "security-mitigations": (
        "Microsoft-Windows-Security-Mitigations/Kernel Mode",
        "Microsoft-Windows-Security-Mitigations/User Mode",
    ),
    "sense": ("Microsoft-Windows-SENSE/Operational",),
    "shell-core": ("Microsoft-Windows-Shell-Core/Operational",),
    "smbclient-connectivity": ("Microsoft-Windows-SmbClient/Connectivity",),
    "smbclient-security": ("Microsoft-Windows-SmbClient/Security",),
    "smbserver-connectivity": ("Microsoft-Windows-SMBServer/Connectivity",),
    "sysmon": ("Microsoft-Windows-Sysmon/Operational",),
    "system": ("System",),
    "taskscheduler": ("Microsoft-Windows-TaskScheduler/Operational",),
    "terminalservices-localsessionmanager": ("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",),
    "vhdmp": ("Microsoft-Windows-VHDMP/Operational", "Microsoft-Windows-VHDMP-Operational"),
    "windefend": ("Microsoft-Windows-Windows Defender/Operational",),
    "wmi": ("Microsoft-Windows-WMI-Activity/Operational",),
}

_SYSMON_IDS: Mapping[str, tuple[int, ...]] = {
    "process_creation": (1,),
    "file_change": (2,),
    "network_connection": (3,),
    "sysmon_status": (4, 16),
    "process_termination": (5,),
    "driver_load": (6,),
    "image_load": (7,),
    "create_remote_thread": (8,),
    "raw_access_thread": (9,),
    "process_access": (10,),
    "file_event": (11,),
    "registry_event": (12, 13, 14),
    "registry_add": (12,),
    "registry_delete": (12,),
    "registry_set": (13,),
    "registry_rename": (14,),
    "create_stream_hash": (15,),
    "pipe_created": (17, 18),
    "wmi_event": (19, 20, 21),
    "dns_query": (22,),
    "file_delete": (23, 26),
    "clipboard_change": (24,),
    "clipboard_capture": (24,),
    "process_tampering": (25,),
    "file_delete_detected": (26,),
    "file_block_executable": (27,),
    "file_block_shredding": (28,),
    "file_executable_detected": (29,),
    "sysmon_error": (255,),
}
# Defender's events that name a threat or a path.
_DEFENDER_THREATS = (1006, 1007, 1008, 1009, 1010, 1011, 1012, 1017, 1018, 1019, 1115, 1116)

IDS_OF_CATEGORY: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    SYSMON: _SYSMON_IDS,
    # As the published Windows audit mappings have it; the words Sysmon uses are added where events are collected.
    SECURITY: {
        "process_creation": (4688,),
        "network_connection": (5156,),
        "registry_event": (4657,),
        "registry_set": (4657,),
        "file_access": (4663,),
    },
    PRINT_SERVICE: {"print_job": (307,)},
    RPC_FIREWALL: {"application": (3,)},
    POWERSHELL: {"ps_module": (4103,), "ps_script": (4104,)},
    POWERSHELL_CORE: {"ps_module": (4103,), "ps_script": (4104,)},
    POWERSHELL_CLASSIC: {
        "ps_classic_start": (400,),
        "ps_classic_provider_start": (600,),
        "ps_classic_script": (800,),
    },
    DEFENDER: {"antivirus": _DEFENDER_THREATS},
    KERNEL_FILE: {"file_access": (12,), "file_rename": (19, 27), "file_delete": (11, 26)},
}

_SERVICE_OF_CHANNEL = {
    channel.lower(): service for service, channels in CHANNELS_OF_SERVICE.items() for channel in channels
}
_CATEGORIES: dict[tuple[str, int], frozenset[str]] = {}
for _channel, _table in IDS_OF_CATEGORY.items():
    for _category, _ids in _table.items():
        for _id in _ids:
            _CATEGORIES[_channel, _id] = _CATEGORIES.get((_channel, _id), frozenset()) | {_category}

CLASSES: tuple[tuple[str, int], ...] = tuple(_CATEGORIES)
"""(channel, event id) of every event that Sigma has a category for."""

_WINDOWS = frozenset({"windows"})
# Sysmon 12 is both "added" and "deleted"; its EventType says which.
_REGISTRY_12 = {
    "createkey": frozenset({"registry_event", "registry_add"}),
    "deletekey": frozenset({"registry_event", "registry_delete"}),
    "deletevalue": frozenset({"registry_event", "registry_delete"}),
}

CATEGORIES: frozenset[str] = frozenset(c for table in IDS_OF_CATEGORY.values() for c in table)
# Products whose own logs are in the Windows event log, beside `windows` itself.
_MORE_PRODUCTS = {RPC_FIREWALL: frozenset({"rpc_firewall"}), PRINT_SERVICE: frozenset({"jikimi"})}
SERVICES: frozenset[str] = frozenset(CHANNELS_OF_SERVICE)

# Sigma's name of a field ← the names under which other providers and exporters write it, best first.
ALIASES_ANYWHERE: Mapping[str, tuple[str, ...]] = {"Provider_Name": ("ProviderName", "SourceName")}
ALIASES: Mapping[tuple[str, int], Mapping[str, tuple[str, ...]]] = {
    (SECURITY, 4688): {
        "Image": ("NewProcessName",),
        "CommandLine": ("ProcessCommandLine",),
        "ParentImage": ("ParentProcessName",),
        "LogonId": ("SubjectLogonId",),
        "User": ("SubjectUserName",),
        "IntegrityLevel": ("MandatoryLabel",),
    },
    (SECURITY, 5156): {
        "SourceIp": ("SourceAddress",),
        "DestinationIp": ("DestAddress",),
        "DestinationPort": ("DestPort",),
    },
    (SECURITY, 4657): {"Image": ("ProcessName",), "User": ("SubjectUserName",)},
    (SECURITY, 4663): {"Image": ("ProcessName",), "User": ("SubjectUserName",)},
    (PRINT_SERVICE, 307): {
        "JobId": ("Param1",),
        "Document": ("Param2",),
        "User": ("Param3",),
        "SourceHostname": ("Param4",),
        "Printer": ("Param5",),
        "SizeBytes": ("Param7",),
        "Pages": ("Param8",),
    },
    **{(KERNEL_FILE, i): {"TargetFilename": ("FilePath", "FileName")} for i in (11, 19, 26, 27)},
    (RPC_FIREWALL, 3): {"EventLog": ("Channel",)},
    **{(DEFENDER, i): {"Signature": ("Threat Name", "ThreatName"), "Filename": ("Path",)} for i in _DEFENDER_THREATS},
    **{(POWERSHELL_CLASSIC, i): {"Data": ("Message",)} for i in (400, 600, 800)},
}
COMPUTED: Mapping[tuple[str, int], Mapping[str, tuple[str, ...]]] = {
    (SECURITY, 4688): {"User": ("SubjectUserName", "SubjectDomainName"), "IntegrityLevel": ("MandatoryLabel",)},
    (SYSTEM, LOG_CLEARED): {"Channel": (CLEARED_LOG,)},
}
"""Fields that `complete` works out and does not copy where they are missing, and from which other fields."""
_COPIES_ANYWHERE = tuple(ALIASES_ANYWHERE.items())
_COPIES = {key: (*_COPIES_ANYWHERE, *table.items()) for key, table in ALIASES.items()}
_INTEGRITY = {
    "s-1-16-4096": "Low",
    "s-1-16-8192": "Medium",
    "s-1-16-8448": "Medium",
    "s-1-16-12288": "High",
    "s-1-16-16384": "System",
}


def channel_of(event: Event) -> str | None:
    """The event's channel in lower case, or None when it names none."""
    channel = event.get("Channel")
    return channel.lower() if isinstance(channel, str) and channel else None


def id_of(event: Event) -> int | None:
    """The event id as a number; exporters write it as a number (also 4688.0, from data frames) or as text."""
    value: Any = event.get("EventID")
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def service_of(channel: str) -> str | None:
    """Sigma `service` of a channel, or None for a channel no rule speaks of."""
    return _SERVICE_OF_CHANNEL.get(channel.lower())


def categories_of(channel: str, event_id: int, event_type: str = "") -> frozenset[str]:
    """Every Sigma `category` an event of this channel and id belongs to; `event_type` parts Sysmon's event 12."""
    key = (channel.lower(), event_id)
    if key == (SYSMON, 12) and (told := _REGISTRY_12.get(event_type.lower())):
        return told
    return _CATEGORIES.get(key, frozenset())


def products_of(channel: str, event_id: int) -> frozenset[str]:
    """Every Sigma `product` an event of this channel and id belongs to."""
    more = _MORE_PRODUCTS.get(channel.lower()) if (channel.lower(), event_id) in _CATEGORIES else None
    return _WINDOWS | more if more else _WINDOWS


def logsource_of_event(event: Event) -> LogSource | None:
    """`product: windows` with the service of the event's channel; None when it is no Windows event-log record.

    The category is left open: one event may belong to several (see `categories_of`).
    """
    channel = channel_of(event)
    if channel is None or "EventID" not in event:
        return None
    return LogSource(product="windows", service=service_of(channel))


def names_of(key: tuple[str, int] | None) -> Mapping[str, tuple[str, ...]]:
    """Field → the other fields that `complete` makes its value of; `key`: channel and id, None for other records."""
    if key is None:
        return {name: ("Channel", *others) for name, others in ALIASES_ANYWHERE.items()}
    found: dict[str, tuple[str, ...]] = {}
    for table in (ALIASES_ANYWHERE, ALIASES.get(key, {}), COMPUTED.get(key, {})):
        for name, others in table.items():
            found[name] = (*found.get(name, ()), *others)
    return {name: tuple(dict.fromkeys(others)) for name, others in found.items()}


def complete(event: Event) -> Event:
    """The event with Sigma's field names added where it only has another name for the same thing.

    Returns the same object when there is nothing to add; never changes it.
    """
    return complete_as((channel_of(event) or "", id_of(event) or 0), event)


def complete_as(key: tuple[str, int], event: Event) -> Event:
    """The same of an event whose channel (in lower case) and id are known."""
    added: Event = {}
    for name, others in _COPIES.get(key, _COPIES_ANYWHERE):
        if name not in event:
            for other in others:
                if (value := event.get(other)) is not None:
                    added[name] = value
                    break
    if key == (SECURITY, 4688):
        _name_user_and_level(event, added)
    elif key == (SYSTEM, LOG_CLEARED) and CLEARED_LOG in event:
        added["Channel"] = event[CLEARED_LOG]
    return {**event, **added} if added else event


def _name_user_and_level(event: Event, added: Event) -> None:
    """Sysmon writes `DOMAIN\\user` and a word for the level; Security 4688 writes two fields and a SID."""
    if "User" in added and (domain := event.get("SubjectDomainName")):
        added["User"] = f"{domain}\\{added['User']}"
    if "IntegrityLevel" in added:
        level = str(added["IntegrityLevel"])
        added["IntegrityLevel"] = _INTEGRITY.get(level.lower(), level)
