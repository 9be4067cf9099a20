"""What every answer of the HTTP layer has in common."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.services import Services
from api.settings import ApiSettings
from jikimi.clock import utc_now
from jikimi.errors import Transient
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.migrate import upgrade
from jikimi.stream.port import EventLog


async def _no_status() -> dict[str, Any]:
    return {}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    upgrade(tmp_path / "centre.db")
    async with Database.sqlite(tmp_path / "centre.db") as database:
        services = Services(database, cast("EventLog", None), cast("EventStore", None), utc_now, "admin", _no_status)
        yield create_app(services, ApiSettings())


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_a_running_centre_answers_its_health(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not_found"), ("POST", "/healthz", 405, "method_not_allowed")],
)
async def test_a_wrong_address_gets_one_sentence_and_a_code(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.json().keys() == {"error", "code"}
    assert answer.json()["code"] == code


async def test_a_fault_of_ours_is_told_in_one_sentence_without_its_inside(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    @app.get("/breaks")
    async def breaks() -> None:
        raise ZeroDivisionError("inside")

    answer = await client.get("/breaks")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "inside" not in answer.text


async def test_a_store_that_is_away_asks_to_come_back_later(app: FastAPI, client: httpx.AsyncClient) -> None:
    @app.get("/busy")
    async def busy() -> None:
        raise Transient("disk full")

    answer = await client.get("/busy")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/breaks"])
async def test_every_answer_forbids_framing_sniffing_and_foreign_scripts(
    app: FastAPI, client: httpx.AsyncClient, path: str
) -> None:
    @app.get("/breaks")
    async def breaks() -> None:
        raise ZeroDivisionError

    answer = await client.get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
