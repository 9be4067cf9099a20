"""What the company decided for its agents, fetched from the centre and kept on disk, so that it holds offline.

The version only rises: an older answer (a replayed one, a restored backup) changes nothing.
"""

import os
from pathlib import Path

import msgspec

from collectors.http import Client
from collectors.identity import Identity
from jikimi.domain.passport import MediaRegister
from jikimi.errors import Transient


class Config(msgspec.Struct, frozen=True):
    """The body of `GET /v1/config`."""

    version: int = 0
    media: MediaRegister = MediaRegister()


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


async def fetch(client: Client, who: Identity, known: Config) -> Config:
    """What the centre has now; `known` when that is not newer. Raises Transient when it cannot be had."""
    headers = {"Authorization": f"Bearer {who.credential}", "If-None-Match": f'"{known.version}"'}
    answer = await client.request("GET", f"{who.url}/v1/config", headers=headers)
    if answer.status_code == 304:
        return known
    if not answer.is_success:
        raise Transient(f"{who.url} hands out no configuration now (HTTP {answer.status_code})")
    try:
        fresh = msgspec.json.decode(answer.content, type=Config)
    except msgspec.MsgspecError as error:
        raise Transient(f"{who.url} handed out a configuration that cannot be read: {error}") from error
    return fresh if fresh.version > known.version else known
