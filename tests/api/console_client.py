"""A signed-in analyst's HTTP client over a real database, and a hand for seeding it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.services import Services
from api.settings import ApiSettings
from jikimi.storage.database import Database
from jikimi.storage.migrate import upgrade
from jikimi.stream.port import EventLog
from tests.api.no_events import NoEvents
from tests.api.seed import PASSWORD, Seed

T = TypeVar("T")
NOW = datetime(2026, 11, 22, 2, 13, tzinfo=UTC)
HOST = "http://127.0.0.1:8600"


@dataclass
class Analyst:
    """`clock[0]` is the centre's time."""

    app: FastAPI
    http: httpx.AsyncClient
    database: Database
    clock: list[datetime]

    def later(self, **delta: float) -> None:
        self.clock[0] += timedelta(**delta)

    async def seed(self, write: Callable[[Seed], Awaitable[T]]) -> T:
        async with self.database.write() as connection:
            return await write(Seed(connection, self.clock[0]))

    async def rows(self, query: Any) -> list[Any]:
        async with self.database.read() as connection:
            return list((await connection.execute(query)).all())

    async def sign_in(self, login: str = "analyst", password: str = PASSWORD, **more: Any) -> httpx.Response:
        return await self.http.post("/sign-in", data={"login": login, "password": password}, **more)

    def browser(self, base: str = HOST) -> httpx.AsyncClient:
        """Another browser: no cookies yet."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=base, headers={"origin": base})


@asynccontextmanager
async def analyst(folder: Path) -> AsyncIterator[Analyst]:
    """Not signed in yet; the account `analyst` is there."""
    upgrade(folder / "centre.db")
    clock = [NOW]

    async def status() -> dict[str, Any]:
        return {"lag": {"detector": 3}}

    async with Database.sqlite(folder / "centre.db") as database:
        log = cast("EventLog", None)
        services = Services(database, log, NoEvents(), lambda: clock[0], "admin", status, pictures=folder / "websites")
        app = create_app(services, ApiSettings())
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=HOST, headers={"origin": HOST}) as http:
                made = Analyst(app, http, database, clock)
                await made.seed(lambda seed: seed.user("analyst", "김관제"))
                yield made
