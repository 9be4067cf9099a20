"""`/live`: the WebSocket of the console."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, WebSocket, WebSocketDisconnect

from api.access_records import EVERY_TENANT, record_access
from api.browser_guard import from_same_origin
from api.incidents.scoping import scope_of
from api.live.hub import Hub, Listener
from api.sessions import services_of, signed_in
from api.users import User

SEND_WITHIN = 10.0
"""Seconds a browser may take for one message before its socket is closed; it comes back by itself."""
CHECK_SESSION_EVERY = 5.0
"""Seconds for which a tab may still show clients' data after signing out in another one."""
NOT_SIGNED_IN = 4401
FOREIGN_ORIGIN = 4403
TOO_SLOW = 4408


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.hub = Hub(app.state.services)
    yield


router = APIRouter(lifespan=_lifespan)


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Closes with 4401 when nobody is signed in (any more), 4403 for a foreign page, 4408 for too slow a reader."""
    await socket.accept()
    if not from_same_origin(socket):
        await socket.close(FOREIGN_ORIGIN)
        return
    user = await signed_in(socket)
    if user is None:
        await socket.close(NOT_SIGNED_IN)
        return
    await _record(socket, user)
    hub: Hub = socket.app.state.hub
    async with hub.listen(scope_of(user)) as listener:
        tasks = [
            asyncio.create_task(_send(socket, hub, listener)),
            asyncio.create_task(_receive(socket, listener)),
            asyncio.create_task(_watch_session(socket)),
        ]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for task in done:
            code = task.result()
            if code is not None:
                await socket.close(code)


async def _send(socket: WebSocket, hub: Hub, listener: Listener) -> int | None:
    while True:
        message = await listener.take()
        if message is None:
            message = await hub.snapshot(listener)
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await socket.send_text(message.decode())
        except TimeoutError:
            return TOO_SLOW
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: Starlette's word for a socket closed meanwhile
            return None


async def _receive(socket: WebSocket, listener: Listener) -> int | None:
    """The only word a browser says is `resync`: its sequence has a gap."""
    try:
        while True:
            if await socket.receive_text() == "resync":
                listener.resync()
    except (WebSocketDisconnect, RuntimeError, KeyError):  # KeyError: a binary message; nobody of ours sends one
        return None


async def _watch_session(socket: WebSocket) -> int | None:
    while await signed_in(socket) is not None:  # noqa: ASYNC110  a session may end in another process
        await asyncio.sleep(CHECK_SESSION_EVERY)
    return NOT_SIGNED_IN


async def _record(socket: WebSocket, user: User) -> None:
    services = services_of(socket)
    address = socket.client.host if socket.client else ""
    async with services.database.write() as connection:
        await record_access(
            connection,
            at=services.clock(),
            account=user.login,
            address=address,
            tenant_id=EVERY_TENANT,
            task="live queue",
        )
