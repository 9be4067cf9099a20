"""Who this agent is at its centre: enrolment with a token, and the credential kept in a file only its owner reads."""

import contextlib
import os
import secrets
import sys
from pathlib import Path

import msgspec

from collectors.http import Client, Response
from jikimi import __version__
from jikimi.errors import Misconfigured, Refused, Transient

_JSON = {"Content-Type": "application/json"}


class Identity(msgspec.Struct, frozen=True):
    """What enrolment gave. `credential` is a secret: it is never logged, and `repr` leaves it out."""

    url: str
    agent_id: str
    tenant_id: str
    device_id: str
    device: str
    credential: str
    config_key: str = ""
    """The centre's public key (PEM) whose settings are believed; "" for an agent enrolled before there was one."""

    def __repr__(self) -> str:
        return f"Identity(url={self.url!r}, agent_id={self.agent_id!r}, device={self.device!r})"


class _Enrolled(msgspec.Struct, frozen=True):
    agent_id: str
    tenant_id: str
    device_id: str
    credential: str
    config_key: str = ""


async def enrol(
    client: Client, url: str, *, token: str, device: str, operating_system: str, kind: str = "agent"
) -> Identity:
    """Exchange an enrolment token for an identity (`POST {url}/v1/enrol`). `kind` is `agent` or `replay`.

    Raises Refused when the token is not (or no longer) good, Misconfigured when the centre cannot accept what was
    stated, Transient when it cannot be reached or asked now.
    """
    url = url.rstrip("/")
    body = {"token": token, "device": device, "os": operating_system, "version": __version__, "kind": kind}
    response = await client.request("POST", f"{url}/v1/enrol", content=msgspec.json.encode(body), headers=_JSON)
    if response.status_code in (401, 403):
        raise Refused(f"{url} refused the enrolment: {sentence(response)}")
    if response.status_code == 429 or response.status_code >= 500:
        raise Transient(f"{url} cannot enrol now: {sentence(response)}")
    if response.status_code not in (200, 201):
        raise Misconfigured(f"{url} did not accept the enrolment: {sentence(response)}")
    try:
        given = msgspec.json.decode(response.content, type=_Enrolled)
    except msgspec.MsgspecError as error:
        raise Misconfigured(f"{url} does not answer like a Jikimi centre: {error}") from error
    return Identity(url, given.agent_id, given.tenant_id, given.device_id, device, given.credential, given.config_key)


def save(identity: Identity, path: Path) -> None:
    """Write `path` whole or not at all, readable by its owner only (0600). Raises Misconfigured when it cannot be."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(msgspec.json.encode(identity))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise Misconfigured(f"{path}: the credential cannot be written ({error.strerror})") from error


def load(path: Path) -> Identity:
    """Raises Misconfigured when there is none, it is damaged, or others may read it."""
    try:
        if sys.platform != "win32" and path.stat().st_mode & 0o077:
            raise Misconfigured(f"{path}: others may read this credential; run `chmod 600 {path}` and enrol again")
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        raise Misconfigured(f"{path}: not enrolled yet; run `jikimi agent enrol`") from None
    except OSError as error:
        raise Misconfigured(f"{path}: the credential cannot be read ({error.strerror})") from error
    except msgspec.MsgspecError as error:
        raise Misconfigured(f"{path}: damaged credential file; enrol again ({error})") from error


def sentence(response: Response) -> str:
    """The `error` sentence of a refusal, or the status line when the body holds none."""
    try:
        said = msgspec.json.decode(response.content)
        if isinstance(said, dict) and isinstance(said.get("error"), str):
            return str(said["error"])
    except msgspec.MsgspecError:
        pass
    return f"HTTP {response.status_code} {response.reason_phrase}".strip()
