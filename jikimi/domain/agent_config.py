"""What the centre may decide for an agent, and the signed document that carries it. Why so little: docs/adr, "What the
centre may set on a client's computer".

Nothing here names a program, a rule file, a key or a place to send to: whoever holds the centre's key can make agents
see less or more of what they watch anyway, but never run something, nor read a document out.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from jikimi.domain.passport import MediaRegister
from jikimi.errors import Misconfigured

DOCUMENT = "jikimi agent configuration 1"
SUCCESSION = "jikimi agent configuration key 1"
"""What is signed, as jikimi.signing wants it said."""

VALID_FOR = timedelta(days=7)
"""An agent takes no document that is older. What it has taken holds until the next one, also without a line."""

LOGS = PurePosixPath("/var/log")
"""A line of a log goes to the centre as it is, so the centre may name logs only where logs are."""

Folder = Annotated[str, Meta(pattern=r"^(/|[A-Za-z]:\\)[^\x00]+$", max_length=4096)]
Folders = Annotated[tuple[Folder, ...], Meta(max_length=200)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Size = Annotated[int, Meta(ge=1, le=100_000)]


class Logs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    read: bool | UnsetType = UNSET
    journal: bool | UnsetType = UNSET
    files: Folders | UnsetType = UNSET


class Malware(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scan: bool | UnsetType = UNSET


class NetworkDevices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    senders: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=500)] | UnsetType = UNSET
    address: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f.:]{2,45}$")] | UnsetType = UNSET
    syslog_udp: Port | UnsetType = UNSET
    syslog_tcp: Port | UnsetType = UNSET
    syslog_tls: Port | UnsetType = UNSET
    netflow_udp: Port | UnsetType = UNSET
    zone: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+/-]{0,64}$")] | UnsetType = UNSET


class Capture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`interface` is a name of a network interface: dumpcap would also take a pipe or another computer."""

    always: bool | UnsetType = UNSET
    interface: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$")] | UnsetType = UNSET
    filter: Annotated[str, Meta(max_length=1000)] | UnsetType = UNSET
    files: Size | UnsetType = UNSET
    megabytes_each: Size | UnsetType = UNSET
    snap: Annotated[int, Meta(ge=0, le=262_144)] | UnsetType = UNSET
    evidence_megabytes: Size | UnsetType = UNSET


class Caps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Not so low that an agent would start itself anew for ever."""

    memory_mb: Annotated[float, Meta(ge=100, le=100_000)] | UnsetType = UNSET
    cpu_percent: Annotated[float, Meta(ge=2, le=6400)] | UnsetType = UNSET


class RemoteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part of an agent's settings.json that the centre may decide, with the same names; what is not stated stays as
    it is on the computer."""

    protect: Folders | UnsetType = UNSET
    watch_out: Folders | UnsetType = UNSET
    templates: Folders | UnsetType = UNSET
    tell_processes: bool | UnsetType = UNSET
    logs: Logs | UnsetType = UNSET
    malware: Malware | UnsetType = UNSET
    network_devices: NetworkDevices | UnsetType = UNSET
    capture: Capture | UnsetType = UNSET
    caps: Caps | UnsetType = UNSET


class Document(msgspec.Struct, frozen=True):
    """What is signed, as JSON: for one device of one company."""

    tenant_id: str
    device_id: str
    version: int
    issued_at: datetime
    expires_at: datetime
    media: MediaRegister = MediaRegister()
    settings: Mapping[str, Any] = {}


class Succession(msgspec.Struct, frozen=True):
    """A new key (public, PEM), signed with the key before it; `signature` in hexadecimal."""

    key: str
    key_id: str
    signature: str


class Signed(msgspec.Struct, frozen=True):
    """`document` is the JSON text that was signed; `successions` lead from any earlier key to the one it was signed
    with."""

    document: str
    key_id: str
    signature: str
    successions: tuple[Succession, ...] = ()


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` when the centre may decide all of it. Raises Misconfigured, naming what it may not."""
    try:
        stated = msgspec.convert(settings, RemoteSettings)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"the centre cannot set this for agents: {error}") from error
    for folders in (stated.protect, stated.watch_out, stated.templates):
        for folder in folders or ():
            _no_way_up(folder)
    if stated.logs:
        for file in stated.logs.files or ():
            _no_way_up(file)
            if not PurePosixPath(file).is_relative_to(LOGS):
                raise Misconfigured(f"the centre may name logs below {LOGS} only, not {file}; name it in settings.json")
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(stated))  # lists, as in the file
    return told


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` wins; objects are merged key by key, lists replaced."""
    result = dict(base)
    for name, value in over.items():
        before = result.get(name)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[name] = merged(before, value) if both else value  # type: ignore[arg-type]  # both are mappings
    return result


def _no_way_up(path: str) -> None:
    if ".." in path.replace("\\", "/").split("/"):
        raise Misconfigured(f"{path}: write the whole path, without `..`")
