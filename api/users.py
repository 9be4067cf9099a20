"""The centre's own people and their passwords (argon2id; RFC 9106 parameters as argon2-cffi sets them)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jikimi.errors import Misconfigured
from jikimi.storage.schema import users
from jikimi.storage.upsert import insert

ROLES = frozenset({"analyst", "engineer", "head"})
MIN_PASSWORD = 12


class User(msgspec.Struct, frozen=True):
    """Someone who works at the centre. `role` is analyst, engineer or head; `language` ko or en."""

    id: str
    login: str
    name: str
    role: str
    language: str


class Passwords:
    """Verifies in two threads: it takes about 0.1 s and 64 MB, and tries come from strangers."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
        self._nobody = self._hasher.hash(uuid4().hex)

    async def verify(self, kept: str | None, password: str) -> bool:
        """False for a wrong password; takes as long for an unknown login (`kept=None`)."""
        hashed = self._nobody if kept is None else kept
        right = await asyncio.get_running_loop().run_in_executor(self._pool, self._verify, hashed, password)
        return right and kept is not None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


async def create_user(
    connection: AsyncConnection,
    *,
    login: str,
    name: str,
    password: str,
    role: str,
    at: datetime,
    language: str = "ko",
) -> User:
    """A new colleague. Raises Misconfigured for a login that is taken, an unknown role, a short password."""
    if role not in ROLES:
        raise Misconfigured(f"{role!r} is not a role; choose one of {', '.join(sorted(ROLES))}")
    if len(password) < MIN_PASSWORD:
        raise Misconfigured(f"the password is too short; use at least {MIN_PASSWORD} characters")
    user = User(uuid4().hex, login, name, role, language)
    fresh = insert(connection, users).values(
        id=user.id,
        login=login,
        name=name,
        password_hash=await asyncio.to_thread(PasswordHasher().hash, password),
        role=role,
        language=language,
        disabled=False,
        created_at=at,
    )
    result = await connection.execute(fresh.on_conflict_do_nothing(index_elements=["login"]))
    if result.rowcount == 0:
        raise Misconfigured(f"a user with the login {login!r} is already there; choose another login")
    return user


async def find_credentials(connection: AsyncConnection, login: str) -> tuple[User, str] | None:
    """The user who may sign in under that login, with the password's hash."""
    row = (await connection.execute(select(users).where(users.c.login == login, ~users.c.disabled))).one_or_none()
    return None if row is None else (user_of(row), row.password_hash)


async def load_users(connection: AsyncConnection) -> list[User]:
    """Everyone who may own an incident, by name."""
    return [
        user_of(row) for row in await connection.execute(select(users).where(~users.c.disabled).order_by(users.c.name))
    ]


async def set_language(connection: AsyncConnection, user_id: str, language: str) -> None:
    await connection.execute(users.update().where(users.c.id == user_id).values(language=language))


def user_of(row: Row[Any]) -> User:
    return User(row.id, row.login, row.name, row.role, row.language)
