"""What the company decided for its agents, fetched from the centre and kept on disk, so that it holds offline.

The version only rises: an older answer (a replayed one, a restored backup) changes nothing. An agent that pinned a key
at its enrolment takes only what is signed with it, for this device and not long ago; it never looks into a document
before its signature is found good.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from collectors import verify
from collectors.http import Client
from collectors.identity import Identity
from jikimi.domain.agent_config import Document, Signed, checked
from jikimi.domain.passport import MediaRegister
from jikimi.errors import Misconfigured, Refused, Transient


class Config(msgspec.Struct, frozen=True):
    """What is in force. `settings` go over settings.json; `key` is the centre's newest key that the agent knows."""

    version: int = 0
    media: MediaRegister = MediaRegister()
    settings: Mapping[str, Any] = {}
    key: str = ""


class Offered(msgspec.Struct, frozen=True):
    """The body of `GET /v1/config`. `decides`: there are settings, which only a signed document brings."""

    version: int
    media: MediaRegister = MediaRegister()
    decides: bool = False
    signed: Signed | None = None


def load(path: Path) -> Config:
    """As last fetched; empty when there is none, or it is damaged (the next heartbeat brings it again)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Config)
    except (OSError, msgspec.MsgspecError):
        return Config()


def save(config: Config, path: Path) -> None:
    """Replaced whole, for its owner only. Raises OSError."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(msgspec.json.encode(config))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


async def fetch(client: Client, who: Identity, known: Config) -> Offered | None:
    """What the centre has now; None when the agent has it. Raises Transient when it cannot be had."""
    headers = {"Authorization": f"Bearer {who.credential}", "If-None-Match": f'"{known.version}"'}
    answer = await client.request("GET", f"{who.url}/v1/config", headers=headers)
    if answer.status_code == 304:
        return None
    if not answer.is_success:
        raise Transient(f"{who.url} hands out no configuration now (HTTP {answer.status_code})")
    try:
        return msgspec.json.decode(answer.content, type=Offered)
    except msgspec.MsgspecError as error:
        raise Transient(f"{who.url} handed out a configuration that cannot be read: {error}") from error


async def accepted(who: Identity, known: Config, offered: Offered, now: datetime) -> Config:
    """What is in force from now on. Raises Refused with the reason when that is what was known before, Transient when
    the signature could not be checked now."""
    pinned = known.key or who.config_key
    if offered.version <= known.version:
        raise Refused(f"version {offered.version} is not newer than {known.version}, which is in force")
    if not pinned:
        return Config(offered.version, offered.media)
    if offered.signed is None:
        raise Refused("the configuration is not signed")
    key = await verify.ask(pinned, offered.signed)
    document = _opened(offered.signed.document)
    if (document.tenant_id, document.device_id) != (who.tenant_id, who.device_id):
        raise Refused("the configuration is for another computer")
    if document.version <= known.version:
        raise Refused(f"version {document.version} is not newer than {known.version}, which is in force")
    if document.expires_at <= now:
        raise Refused(f"the configuration could be taken until {document.expires_at:%Y-%m-%d %H:%M} UTC only")
    try:
        return Config(document.version, document.media, checked(document.settings), key)
    except Misconfigured as error:
        raise Refused(str(error)) from error


def _opened(document: str) -> Document:
    try:
        return msgspec.json.decode(document, type=Document)
    except msgspec.MsgspecError as error:
        raise Refused(f"the configuration cannot be read: {error}") from error
