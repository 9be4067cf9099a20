"""`/v1/admin/users`: who may sign in at the console."""

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy import select

from api.admin import Language, Wish
from api.enrolment import Name
from api.guard import require_admin
from api.state import centre
from api.users import MIN_PASSWORD, create_user
from jikimi.storage.schema import users

router = APIRouter(prefix="/v1/admin/users", dependencies=[Depends(require_admin)])


class NewUser(Wish):
    """Without a password one is made and told once, in the answer."""

    login: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")]
    name: Annotated[Name, Field(max_length=100)]
    password: Annotated[str, Field(min_length=MIN_PASSWORD, max_length=200)] | None = None
    role: Literal["analyst", "engineer", "head"] = "analyst"
    language: Language = "ko"


@router.post("", status_code=201)
async def add_user(request: Request, wish: NewUser) -> dict[str, Any]:
    here = centre(request)
    password = wish.password or secrets.token_urlsafe(12)
    async with here.services.database.write() as connection:
        await create_user(
            connection,
            login=wish.login,
            name=wish.name,
            password=password,
            role=wish.role,
            language=wish.language,
            at=here.services.clock(),
        )
    told = {"login": wish.login, "name": wish.name, "role": wish.role}
    return told if wish.password else {**told, "password": password}


@router.get("")
async def list_users(request: Request) -> list[dict[str, Any]]:
    columns = (users.c.login, users.c.name, users.c.role, users.c.language, users.c.disabled, users.c.created_at)
    async with centre(request).services.database.read() as connection:
        return [dict(row) for row in (await connection.execute(select(*columns).order_by(users.c.login))).mappings()]
