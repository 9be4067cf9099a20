"""Reading a request's body without trusting its size."""

from collections.abc import Collection

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware: no route reads more than `limit` bytes of a body. Answers 413, stated size or not.

    Paths in `besides` take more: their routes see who asks before they read, and call `read_body` with their own limit.
    """

    def __init__(self, app: ASGIApp, limit: int, besides: Collection[str] = ()) -> None:
        self._app = app
        self._limit = limit
        self._besides = frozenset(besides)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._besides:
            await self._app(scope, receive, send)
            return
        stated = dict(scope["headers"]).get(b"content-length", b"")
        size = int(stated) if stated.isdigit() and len(stated) < 20 else 0

        async def limited() -> Message:
            nonlocal size
            check_size(size, self._limit)
            message = await receive()
            if message["type"] == "http.request" and not stated:
                size += len(message.get("body", b""))
                check_size(size, self._limit)
            return message

        await self._app(scope, limited, send)


def check_size(size: int, limit: int) -> None:
    """Raises 413 above the limit. An HTTPException, because FastAPI takes others for a parser's."""
    if size > limit:
        raise HTTPException(413, f"the body is larger than {limit} bytes", {"Connection": "close"})


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes: for routes that take less, or more, than the whole application does.

    Raises 413 above the limit, 400 when the sender left before the end: no one reads the answer, the log tells it.
    """
    chunks = []
    size = 0
    stated = request.headers.get("content-length", "")
    check_size(int(stated) if stated.isdecimal() and len(stated) < 20 else 0, limit)
    try:
        async for chunk in request.stream():
            size += len(chunk)
            check_size(size, limit)
            chunks.append(chunk)
    except ClientDisconnect:
        raise HTTPException(400, f"the upload broke off after {size} bytes") from None
    return b"".join(chunks)
