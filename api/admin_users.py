"""`/v1/admin/users`: who may sign in at the console."""

import asyncio
import secrets
from typing import Annotated, Any, Literal
from uuid import uuid4

from argon2 import PasswordHasher
from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy import select

from api.admin import Language, Wish
from api.enrolment import Name
from api.errors import ApiError
from api.guard import require_admin
from api.state import centre
from jikimi.storage.schema import users
from jikimi.storage.upsert import insert

router = APIRouter(prefix="/v1/admin/users", dependencies=[Depends(require_admin)])


class NewUser(Wish):
    """Without a password one is made and told once, in the answer."""

    login: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")]
    name: Annotated[Name, Field(max_length=100)]
    password: Annotated[str, Field(min_length=12, max_length=200)] | None = None
    role: Literal["analyst", "engineer", "head"] = "analyst"
    language: Language = "ko"


@router.post("", status_code=201)
async def add_user(request: Request, wish: NewUser) -> dict[str, Any]:
    here = centre(request)
    password = wish.password or secrets.token_urlsafe(12)
    hashed = await asyncio.to_thread(PasswordHasher().hash, password)
    async with here.services.database.write() as connection:
        fresh = insert(connection, users).values(
            id=uuid4().hex,
            login=wish.login,
            name=wish.name,
            password_hash=hashed,
            role=wish.role,
            language=wish.language,
            created_at=here.services.clock(),
        )
        added = await connection.execute(fresh.on_conflict_do_nothing(index_elements=["login"]))
    if added.rowcount == 0:
        raise ApiError(409, "conflict", f"a user with the login {wish.login!r} is already there; choose another login")
    told = {"login": wish.login, "name": wish.name, "role": wish.role}
    return told if wish.password else {**told, "password": password}


@router.get("")
async def list_users(request: Request) -> list[dict[str, Any]]:
    columns = (users.c.login, users.c.name, users.c.role, users.c.language, users.c.disabled, users.c.created_at)
    async with centre(request).services.database.read() as connection:
        return [dict(row) for row in (await connection.execute(select(*columns).order_by(users.c.login))).mappings()]
