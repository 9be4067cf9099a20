"""Work for a client that hangs up is ended; work for one that waits is not disturbed."""

import asyncio
from typing import Any

import pytest
from fastapi import Request

from api.errors import ApiError
from api.hung_up import unless_hung_up


def request(leaves: asyncio.Event) -> Request:
    """A request whose client closes the connection when `leaves` is set."""

    async def receive() -> dict[str, Any]:
        await leaves.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


async def test_work_is_cancelled_and_over_when_the_client_hangs_up() -> None:
    leaves, ended = asyncio.Event(), False

    async def work() -> None:
        nonlocal ended
        try:
            leaves.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # as a child process is waited for
            ended = True

    with pytest.raises(ApiError, match="hung up"):
        await unless_hung_up(request(leaves), work())
    assert ended


async def test_the_result_and_what_the_work_raises_reach_whoever_waits() -> None:
    async def work(fails: bool) -> int:
        if fails:
            raise ValueError("told")
        return 3

    assert await unless_hung_up(request(asyncio.Event()), work(False)) == 3
    with pytest.raises(ValueError, match="told"):
        await unless_hung_up(request(asyncio.Event()), work(True))
