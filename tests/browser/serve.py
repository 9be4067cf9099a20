"""A console over a seeded database, in a thread of its own: `python -m tests.browser.serve 8700` for looking at it."""

import asyncio
import socket
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import uvicorn

from api.app import create_app
from api.services import Services
from api.settings import ApiSettings
from jikimi.clock import utc_now
from jikimi.storage.database import Database
from jikimi.storage.migrate import upgrade
from jikimi.stream.port import EventLog
from tests.api.no_events import NoEvents
from tests.api.seed import Seed, night_shift

T = TypeVar("T")


@dataclass
class Console:
    """Where it is, the token of one answer link, and a way to change the database behind it."""

    address: str
    link: str
    folder: Path
    _loop: asyncio.AbstractEventLoop
    _database: Database
    _stop: asyncio.Event

    def stop(self) -> None:
        """The centre goes away."""
        self._loop.call_soon_threadsafe(self._stop.set)

    def seed(self, write: Callable[[Seed], Awaitable[T]]) -> T:
        """Run `write` in one transaction on the server's own loop."""

        async def run() -> T:
            async with self._database.write() as connection:
                return await write(Seed(connection, utc_now()))

        waiting: Future[T] = asyncio.run_coroutine_threadsafe(run(), self._loop)
        return waiting.result(10)


@contextmanager
def console(folder: Path, port: int = 0) -> Iterator[Console]:
    upgrade(folder / "centre.db")
    listener = socket.create_server(("127.0.0.1", port))
    loop = asyncio.new_event_loop()
    ready: Future[Console] = Future()
    stop = asyncio.Event()

    async def status() -> dict[str, Any]:
        return {"lag": {"detector": 0, "archive": 0}}

    async def run() -> None:
        async with Database.sqlite(folder / "centre.db") as database:
            async with database.write() as connection:
                link = await night_shift(Seed(connection, utc_now()))
            log = cast("EventLog", None)
            services = Services(database, log, NoEvents(), utc_now, "admin", status, pictures=folder / "websites")
            config = uvicorn.Config(
                create_app(services, ApiSettings()), log_config=None, timeout_graceful_shutdown=1, lifespan="on"
            )
            server = uvicorn.Server(config)
            server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
            serving = asyncio.create_task(server.serve([listener]))
            while not server.started:  # noqa: ASYNC110  uvicorn has no event to wait for
                await asyncio.sleep(0.02)
            ready.set_result(
                Console(f"http://127.0.0.1:{listener.getsockname()[1]}", link, folder, loop, database, stop)
            )
            await stop.wait()
            server.should_exit = True
            await serving

    def work() -> None:
        with listener:
            loop.run_until_complete(run())
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield ready.result(30)
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join(15)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, console(Path(made), int(sys.argv[1])) as running:
        sys.stdout.write(f"{running.address}  /k/{running.link}\n")
        sys.stdout.flush()
        threading.Event().wait()
