"""Documents that have Elastic Common Schema's fields only: Sigma's names for them.

Elastic's own pipelines (Winlogbeat's and the Agent's Sysmon integration, Elastic Defend) move what Sysmon wrote into
ECS and leave little or nothing of `winlog.event_data`. Source of the names: Elastic Common Schema 8, field reference;
Elastic's integrations `windows` and `endpoint`.
"""

from collections.abc import Mapping
from typing import Any

from collectors.logs.ecs_field import field
from collectors.logs.ecs_powershell import module_logging
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

_PROCESS = {
    "Image": "process.executable",
    "ProcessId": "process.pid",
    "ProcessGuid": "process.entity_id",
    "ParentImage": "process.parent.executable",
    "ParentProcessId": "process.parent.pid",
    "ParentProcessGuid": "process.parent.entity_id",
    "ParentCommandLine": "process.parent.command_line",
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "IntegrityLevel": "process.Ext.token.integrity_level_name",
}
_OF_THE_IMAGE = {
    "OriginalFileName": "process.pe.original_file_name",
    "Product": "process.pe.product",
    "Description": "process.pe.description",
    "Company": "process.pe.company",
    "FileVersion": "process.pe.file_version",
}
_FILE = {"TargetFilename": "file.path", "SourceFilename": "file.Ext.original.path"}
_LOADED = {
    "Signed": "file.code_signature.exists",
    "Signature": "file.code_signature.subject_name",
    "SignatureStatus": "file.code_signature.status",
    "OriginalFileName": "file.pe.original_file_name",
    "Product": "file.pe.product",
    "Description": "file.pe.description",
    "Company": "file.pe.company",
}
_NETWORK = {
    "SourceIp": "source.ip",
    "SourcePort": "source.port",
    "SourceHostname": "source.domain",
    "DestinationIp": "destination.ip",
    "DestinationPort": "destination.port",
    "DestinationHostname": "destination.domain",
    "Protocol": "network.transport",
}
_REGISTRY = {"TargetObject": "registry.path", "Details": "registry.data.strings"}
_DNS = {"QueryName": "dns.question.name", "QueryResults": "dns.resolved_ip", "QueryStatus": "sysmon.dns.status"}
_PIPE = {"PipeName": "file.name"}

_BY_CATEGORY: Mapping[str, Mapping[str, str]] = {
    "process_creation": _OF_THE_IMAGE,
    "file_event": _FILE,
    "file_delete": _FILE,
    "file_rename": _FILE,
    "file_change": _FILE,
    "create_stream_hash": _FILE,
    "image_load": {"ImageLoaded": "file.path", **_LOADED},
    "driver_load": {"ImageLoaded": "file.path", **_LOADED},
    "network_connection": _NETWORK,
    "registry_event": _REGISTRY,
    "registry_set": _REGISTRY,
    "registry_delete": _REGISTRY,
    "dns_query": _DNS,
    "pipe_created": _PIPE,
    "ps_script": {
        "ScriptBlockText": "powershell.file.script_block_text",
        "ScriptBlockId": "powershell.file.script_block_id",
        "Path": "file.path",
        "MessageNumber": "powershell.sequence",
        "MessageTotal": "powershell.total",
    },
    "create_remote_thread": {"SourceImage": "process.executable"},
    "process_access": {"SourceImage": "process.executable"},
}
_HASHES = {"MD5": "hash.md5", "SHA1": "hash.sha1", "SHA256": "hash.sha256", "IMPHASH": "pe.imphash"}
_DIRECTIONS = {"egress": "true", "outbound": "true", "ingress": "false", "inbound": "false"}

_SYSTEMS = frozenset({"windows", "linux", "macos"})
# (event.category, event.type) → category, of documents that no Windows event log is behind.
_KINDS = {
    ("process", "start"): "process_creation",
    ("file", "creation"): "file_event",
    ("file", "deletion"): "file_delete",
    ("registry", "change"): "registry_set",
    ("registry", "creation"): "registry_set",
    ("registry", "deletion"): "registry_delete",
    ("library", "start"): "image_load",
    ("driver", "start"): "driver_load",
    ("network", "start"): "network_connection",
    ("network", "connection"): "network_connection",
}
_ACTIONS = {"rename": "file_rename", "lookup_requested": "dns_query", "lookup_result": "dns_query"}


def ecs_names(document: Event, categories: frozenset[str]) -> Event:
    """Sigma's fields of an event of these categories, as far as the document's ECS fields tell them."""
    if not categories:
        return {}
    names = dict(_PROCESS)
    for category in sorted(categories):
        names |= _BY_CATEGORY.get(category, {})
    told = {ours: value for ours, theirs in names.items() if (value := field(document, theirs)) is not None}
    if "Details" in told:
        told["Details"] = _details(told["Details"], str(field(document, "registry.data.type")))
    loads = bool(categories & {"image_load", "driver_load"})
    if (hashes := _hashes(document, "file" if loads else "process")) is not None:
        told["Hashes"] = hashes
    if (user := _user(document)) is not None:
        told["User"] = user
    if "ps_module" in categories:
        told |= module_logging(document)
    if (initiated := _DIRECTIONS.get(str(field(document, "network.direction")))) is not None:
        told["Initiated"] = initiated
    return told


def ecs_event(document: Event) -> SourceEvent | None:
    """The event of a document that no Windows event log is behind (Elastic Defend); None for any other object."""
    inner = document.get("_source", document.get("fields") if "_index" in document else None)
    document = inner if isinstance(inner, dict) else document
    system, category = _system(document), _category(document)
    if system is None or category is None or field(document, "winlog.channel") is not None:
        return None
    document = {**document, **_dll(document)} if category in ("image_load", "driver_load") else document
    event = ecs_names(document, frozenset({category}))
    event[TIMESTAMP] = canonical_stamp(field(document, TIMESTAMP))
    event["Computer"] = field(document, "host.name")
    return SourceEvent(LogSource(product=system, category=category), {**_without_empty(event), **_beside(document)})


def _category(document: Event) -> str | None:
    action = str(field(document, "event.action"))
    if action in _ACTIONS:
        return _ACTIONS[action]
    kinds = ((kind, how) for kind in _all(document, "event.category") for how in _all(document, "event.type"))
    return next((_KINDS[kind] for kind in kinds if kind in _KINDS), None)


def _all(document: Event, path: str) -> list[str]:
    value = field(document, path)
    return [str(one) for one in (value if isinstance(value, list) else [value])]


def _system(document: Event) -> str | None:
    if field(document, "ecs.version") is None:
        return None
    told = (field(document, f"host.os.{name}") for name in ("type", "family", "platform"))
    return next((str(one).lower() for one in told if str(one).lower() in _SYSTEMS), None)


def _dll(document: Event) -> Event:
    """Defend writes a library under `dll`, Sysmon's integration under `file`."""
    library = document.get("dll")
    return {"file": library} if isinstance(library, dict) and "file" not in document else {}


def _hashes(document: Event, of: str) -> str | None:
    """As Sysmon writes them: `MD5=…,SHA256=…,IMPHASH=…`."""
    told = ((name, field(document, f"{of}.{path}")) for name, path in _HASHES.items())
    found = [f"{name}={str(value).upper()}" for name, value in told if value is not None]
    return ",".join(found) or None


def _details(value: Any, kind: str) -> Any:
    """A number of the registry as Sysmon writes it."""
    if not kind.endswith("DWORD") or not isinstance(value, str):
        return value
    try:
        return f"DWORD (0x{int(value, 0):08x})"
    except ValueError:
        return value


def _user(document: Event) -> str | None:
    name, domain = field(document, "user.name"), field(document, "user.domain")
    if not isinstance(name, str):
        return None
    return f"{domain}\\{name}" if isinstance(domain, str) and domain else name


def _without_empty(event: Event) -> Event:
    return {name: value for name, value in event.items() if value is not None}


def _beside(document: Event) -> Event:
    """The document itself stays searchable; its time has been told."""
    return {name: value for name, value in document.items() if name != TIMESTAMP}
