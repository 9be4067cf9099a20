"""Who is calling: an agent by its bearer credential. The tenant comes from here, never from a payload."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from fastapi import Request
from sqlalchemy import select

from api.errors import ApiError
from jikimi.storage.database import Database
from jikimi.storage.schema import agents

MAX_CACHED = 50_000


class AgentIdentity(msgspec.Struct, frozen=True):
    """What a credential proves."""

    agent_id: str
    tenant_id: str
    device_id: str
    kind: str
    revoked: bool


def new_secret() -> str:
    """256 random bits, safe in a header, a URL and a shell."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> str:
    """SHA-256 hex. Enough for a random 256-bit secret: there is nothing to guess, so nothing to slow down."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def bearer(request: Request) -> str:
    """The bearer token (RFC 6750, 2.1). Raises ApiError 401 when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorised("send the header Authorization: Bearer CREDENTIAL")
    return token.strip()


def unauthorised(sentence: str) -> ApiError:
    return ApiError(401, "unauthorised", sentence, headers={"WWW-Authenticate": "Bearer"})


class Credentials:
    """Looks credentials up; one that was found is remembered for some seconds."""

    def __init__(self, database: Database, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._seconds = seconds
        self._monotonic = monotonic
        self._known: OrderedDict[str, tuple[float, AgentIdentity]] = OrderedDict()

    async def agent(self, request: Request) -> AgentIdentity:
        """Raises ApiError 401 for an unknown credential, 403 for a revoked agent."""
        hashed = secret_hash(bearer(request))
        until, identity = self._known.get(hashed, (0.0, None))
        if identity is None or until <= self._monotonic():
            identity = await self._look_up(hashed)
        if identity.revoked:
            raise ApiError(
                403, "revoked", "this agent was revoked or replaced by a newer enrolment of its device; enrol it again"
            )
        return identity

    def forget(self) -> None:
        """After a revocation or an enrolment: look everyone up again."""
        self._known.clear()

    async def _look_up(self, hashed: str) -> AgentIdentity:
        query = select(agents.c.id, agents.c.tenant_id, agents.c.device_id, agents.c.kind, agents.c.revoked_at)
        async with self._database.read() as connection:
            row = (await connection.execute(query.where(agents.c.credential_hash == hashed))).one_or_none()
        if row is None:
            raise unauthorised("this credential is not known here; enrol the agent")
        identity = AgentIdentity(row.id, row.tenant_id, row.device_id, row.kind, row.revoked_at is not None)
        self._known[hashed] = (self._monotonic() + self._seconds, identity)
        self._known.move_to_end(hashed)
        if len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)
        return identity
