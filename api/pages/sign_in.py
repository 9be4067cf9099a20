"""Signing in and out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.browser_guard import from_same_origin, require_same_origin
from api.incidents.routes import address_of
from api.pages.rendering import page
from api.sessions import (
    clear_cookie,
    end_session,
    may_hold_session,
    open_session,
    services_of,
    set_cookie,
    signed_in,
    token_of,
)
from api.sign_in_limits import SignInLimits
from api.users import Passwords, find_credentials


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.passwords = Passwords()
    app.state.sign_in_limits = SignInLimits()
    yield
    app.state.passwords.close()


router = APIRouter(lifespan=_lifespan)

Next = Annotated[str, Query(alias="next", max_length=500)]


@router.get("/sign-in")
async def show(request: Request, to: Next = "/", lang: str | None = None) -> Response:
    if await signed_in(request) is not None:
        return RedirectResponse(inside(to), 303)
    return _form(request, lang, to=to)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    login: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=1000)],
    to: Annotated[str, Form(alias="next", max_length=500)] = "/",
    lang: Annotated[str | None, Form(max_length=2)] = None,
) -> Response:
    """303 to where the analyst wanted to go; else the form again with one sentence why not."""
    if not from_same_origin(request):
        return _form(request, lang, to=to, login=login, wrong="foreign", status=403)
    if not may_hold_session(request):
        return _form(request, lang, to=to, login=login, wrong="needs_tls", status=403)
    services = services_of(request)
    limits: SignInLimits = request.app.state.sign_in_limits
    passwords: Passwords = request.app.state.passwords
    address, now = address_of(request), services.clock()
    wait = limits.wait(address, login, now)
    if wait:
        minutes = int(wait.total_seconds() // 60) + 1
        return _form(request, lang, to=to, login=login, wrong="slow_down", status=429, minutes=minutes)
    limits.failed(address, login, now)  # counted before the slow check, so that many at once do not slip through
    async with services.database.read() as connection:
        found = await find_credentials(connection, login)
    right = await passwords.verify(found[1] if found else None, password)
    if found is None or not right:
        return _form(request, lang, to=to, login=login, wrong="wrong", status=401)
    limits.succeeded(address, login)
    async with services.database.write() as connection:
        token = await open_session(connection, found[0].id, services.clock())
    answer = RedirectResponse(inside(to), 303)
    set_cookie(request, answer, token)
    return answer


@router.post("/sign-out", dependencies=[Depends(require_same_origin)])
async def sign_out(request: Request) -> Response:
    token = token_of(request)
    if token is not None:
        async with services_of(request).database.write() as connection:
            await end_session(connection, token)
    answer = RedirectResponse("/sign-in", 303)
    clear_cookie(request, answer)
    return answer


def inside(to: str) -> str:
    """Where to go after signing in: a path of ours, never another site."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) and "\n" not in to else "/"


def preferred_language(request: Request, asked: str | None = None) -> str:
    """`ko` unless English was asked for, or the browser wants English and never mentions Korean."""
    if asked in {"ko", "en"}:
        return asked
    wanted = request.headers.get("accept-language", "ko").lower()
    return "en" if wanted.startswith("en") and "ko" not in wanted else "ko"


def _form(
    request: Request,
    lang: str | None,
    *,
    to: str,
    login: str = "",
    wrong: str = "",
    status: int = 200,
    minutes: int = 0,
) -> Response:
    language = preferred_language(request, lang)
    return page("sign_in.html.j2", language, status=status, to=inside(to), login=login, wrong=wrong, minutes=minutes)
