"""The console's shell: one page for all its addresses; the bundle reads the address and fills it."""

from urllib.parse import quote

import msgspec
import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from api.console.assets import DIST
from api.errors import ApiError
from api.pages.rendering import page
from api.sessions import signed_in

router = APIRouter()
ICON = "icon.svg"


@router.get("/")
@router.get("/incidents/{number}")
@router.get("/messages")
@router.get("/wallboard")
async def shell(request: Request) -> Response:
    """The signed-in analyst's page; everyone else is sent to sign in and back."""
    user = await signed_in(request)
    if user is None:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(here, safe='/')}", 303)
    return page(
        "console.html.j2", user.language, bundle="console", user=orjson.dumps(msgspec.to_builtins(user)).decode()
    )


@router.get("/favicon.ico")
async def icon() -> Response:
    """Browsers ask for it where no page names an icon: beside JSON and error answers."""
    return FileResponse(DIST / ICON, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    """A built file. Its name carries its content's hash, so it may be kept for a year; the icon's does not."""
    path = DIST / name
    if "/" in name or "\\" in name or name.startswith(".") or name.endswith(".json") or not path.is_file():
        raise ApiError(404, "not_found", "there is no such file")
    kept = "public, max-age=86400" if name == ICON else "public, max-age=31536000, immutable"
    return FileResponse(path, headers={"Cache-Control": kept})
