"""Sessions live in the database; the browser holds a random token of which only the SHA-256 is kept.

Over TLS the cookie is `__Host-jikimi` (Secure, this host only, whole site). Browsers disagree on Secure cookies at
http://127.0.0.1, so on loopback, and only there, plain HTTP gets the plain name `jikimi`.
"""

import hashlib
import ipaddress
import secrets
from datetime import datetime, timedelta

from fastapi import Request, Response
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import HTTPConnection

from api.errors import ApiError
from api.services import Services
from api.users import User, user_of
from jikimi.storage.schema import sessions, users

IDLE = timedelta(hours=12)
"""A shift: a session unused for so long is over."""
WHOLE = timedelta(days=7)
"""The longest life of a session however it is used."""
TOUCH = timedelta(minutes=5)
"""`last_seen` is written at most this often."""
SECURE_COOKIE = "__Host-jikimi"
PLAIN_COOKIE = "jikimi"


def services_of(connection: HTTPConnection) -> Services:
    found: Services = connection.app.state.services
    return found


async def open_session(connection: AsyncConnection, user_id: str, now: datetime) -> str:
    """The token for the cookie; sessions that are over are cleared away on the way."""
    await connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    token = secrets.token_urlsafe(32)
    await connection.execute(
        sessions.insert().values(
            token_hash=_hash(token), user_id=user_id, created_at=now, expires_at=now + WHOLE, last_seen=now
        )
    )
    return token


async def end_session(connection: AsyncConnection, token: str) -> None:
    await connection.execute(delete(sessions).where(sessions.c.token_hash == _hash(token)))


async def signed_in(request: HTTPConnection) -> User | None:
    """The user of a request or a WebSocket; None when nobody is signed in."""
    token = token_of(request)
    if token is None:
        return None
    services = services_of(request)
    now = services.clock()
    query = (
        select(users, sessions.c.last_seen)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(sessions.c.token_hash == _hash(token), sessions.c.expires_at > now, ~users.c.disabled)
    )
    async with services.database.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None or now - row.last_seen > IDLE:
        return None
    if now - row.last_seen > TOUCH:
        async with services.database.write() as connection:
            await connection.execute(
                sessions.update().where(sessions.c.token_hash == _hash(token)).values(last_seen=now)
            )
    return user_of(row)


async def require_user(request: Request) -> User:
    """FastAPI dependency of every JSON route of the console: 401 when nobody is signed in."""
    user = await signed_in(request)
    if user is None:
        raise ApiError(401, "unauthorised", "sign in first: the session is over")
    return user


def token_of(request: HTTPConnection) -> str | None:
    return request.cookies.get(cookie_name(request))


def cookie_name(request: HTTPConnection) -> str:
    return SECURE_COOKIE if is_tls(request) else PLAIN_COOKIE


def set_cookie(request: Request, response: Response, token: str) -> None:
    response.set_cookie(cookie_name(request), token, secure=is_tls(request), httponly=True, samesite="lax", path="/")


def clear_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(cookie_name(request), secure=is_tls(request), httponly=True, samesite="lax", path="/")


def is_tls(request: HTTPConnection) -> bool:
    return request.url.scheme in {"https", "wss"}


def may_hold_session(request: HTTPConnection) -> bool:
    """TLS, or plain HTTP that never leaves this machine."""
    return is_tls(request) or is_loopback(request.url.hostname or "")


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
