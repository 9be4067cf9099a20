"""Work that nobody waits for any more is ended: whoever asked for it has hung up (Ctrl-C, a closed tab)."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request

from api.errors import ApiError

Result = TypeVar("Result")


async def unless_hung_up(request: Request, work: Awaitable[Result]) -> Result:
    """The result of `work`, which is cancelled when the client closes the connection first.

    The request's body must have been read. Raises ApiError then, which reaches nobody, and whatever the work raises.
    """
    doing, leaving = asyncio.ensure_future(work), asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ApiError(400, "malformed", "the client hung up before it had its answer")
        return doing.result()
    finally:
        doing.cancel()
        leaving.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
