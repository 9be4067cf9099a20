"""`POST /v1/enrol`: an enrolment token becomes an agent with a credential of its own."""

import ipaddress
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import uuid4

import structlog
from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from api.credentials import new_secret, secret_hash
from api.errors import ApiError, retry_later
from api.state import centre
from jikimi.storage import tenants
from jikimi.storage.schema import agents, enrolment_tokens

_log = structlog.get_logger()

router = APIRouter()


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    return text


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_printable)
]


class Enrolment(BaseModel):
    """What a new agent says of itself. `device` is the computer's name as the company knows it."""

    model_config = ConfigDict(extra="ignore")

    token: str = Field(min_length=1, max_length=200)
    device: Name
    os: str = Field(default="", max_length=64)
    version: str = Field(default="", max_length=32)
    kind: Literal["agent", "replay"] = "agent"


class Enrolled(BaseModel):
    """The one answer that ever holds the credential. `config_key` (PEM): by it the agent believes its settings."""

    agent_id: str
    tenant_id: str
    device_id: str
    credential: str
    config_key: str = ""


@router.post("/v1/enrol")
async def enrol(request: Request, wish: Enrolment) -> Enrolled:
    """Spend one use of the token."""
    here = centre(request)
    address = network_of(request)
    wait = here.guesses.wait(address, 1)
    if wait > 0:
        raise retry_later(429, "too many wrong enrolment tokens from this address; wait as Retry-After says", wait)
    now = here.services.clock()
    try:
        async with here.services.database.write() as connection:
            enrolled = await _enrol(connection, wish, now)
    except ApiError as refusal:
        here.guesses.spend(address, 1)
        here.metrics.enrolments.labels(refusal.code).inc()
        _log.warning("enrolment_refused", address=address)
        raise
    here.credentials.forget()
    here.metrics.enrolments.labels("ok").inc()
    _log.info("agent_enrolled", tenant=enrolled.tenant_id, device=enrolled.device_id, agent=enrolled.agent_id)
    keys = here.services.config_keys
    return enrolled.model_copy(update={"config_key": keys.public if keys else ""})


async def issue_token(
    connection: AsyncConnection, tenant_id: str, *, now: datetime, uses: int, minutes: int, site_id: str | None
) -> tuple[str, datetime]:
    """A new token, stored hashed: (token, when it expires)."""
    token = secrets.token_urlsafe(24)
    expires_at = now + timedelta(minutes=minutes)
    await connection.execute(
        enrolment_tokens.insert().values(
            id=uuid4().hex,
            tenant_id=tenant_id,
            site_id=site_id,
            token_hash=secret_hash(token),
            expires_at=expires_at,
            uses_left=uses,
            created_at=now,
        )
    )
    return token, expires_at


def network_of(request: Request) -> str:
    """The caller's address; of IPv6 the /64, which is what one customer line has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host


async def _enrol(connection: AsyncConnection, wish: Enrolment, now: datetime) -> Enrolled:
    spent = (
        await connection.execute(
            enrolment_tokens.update()
            .where(
                enrolment_tokens.c.token_hash == secret_hash(wish.token),
                enrolment_tokens.c.expires_at > now,
                enrolment_tokens.c.uses_left > 0,
            )
            .values(uses_left=enrolment_tokens.c.uses_left - 1)
            .returning(enrolment_tokens.c.tenant_id, enrolment_tokens.c.site_id)
        )
    ).one_or_none()
    if spent is None:
        raise ApiError(401, "unauthorised", "this enrolment token is unknown, expired or used up; ask for a new one")
    device = await tenants.ensure_device(
        connection, spent.tenant_id, wish.device, at=now, os=wish.os, site_id=spent.site_id
    )
    if wish.kind == "agent":
        await _retire_older(connection, device.id, now)
    agent_id, credential = uuid4().hex, new_secret()
    await connection.execute(
        agents.insert().values(
            id=agent_id,
            tenant_id=device.tenant_id,
            device_id=device.id,
            credential_hash=secret_hash(credential),
            version=wish.version,
            kind=wish.kind,
            enrolled_at=now,
        )
    )
    return Enrolled(agent_id=agent_id, tenant_id=device.tenant_id, device_id=device.id, credential=credential)


async def _retire_older(connection: AsyncConnection, device_id: str, now: datetime) -> None:
    """One computer, one agent: the credential on a disk that was replaced dies, and nobody waits for it."""
    await connection.execute(
        agents.update()
        .where(agents.c.device_id == device_id, agents.c.kind == "agent", agents.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
