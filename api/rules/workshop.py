"""`/v1/admin/rules/…`: check, test, coverage and backtest of rules that are sent, or of those the centre runs."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from api.body import read_body
from api.errors import ApiError, retry_later
from api.guard import require_admin
from api.hung_up import unless_hung_up
from api.rules.port import WorkshopWish
from api.state import centre

MOST_FILES = 20_000
MOST_BYTES = 64 << 20
"""Of one wish. The whole public rule set is 3,777 files and 12 MB of JSON."""

PATHS = tuple(f"/v1/admin/rules/{command}" for command in ("check", "test", "coverage", "backtest"))
"""Where more is read than elsewhere, and only for whoever has the admin token."""

router = APIRouter(prefix="/v1/admin/rules", dependencies=[Depends(require_admin)])

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}\.(yml|yaml|samples\.ndjson)$")]


def _bounded(files: dict[str, str]) -> dict[str, str]:
    if len(files) > MOST_FILES:
        raise ValueError(f"at most {MOST_FILES:,} files at a time")
    return files


class Rules(BaseModel):
    """`files`: text by name, rules (`x.yml`) and samples beside them (`x.samples.ndjson`); none: the centre's own."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    files: Annotated[dict[FileName, str], AfterValidator(_bounded)] = {}


class Backtest(Rules):
    """since <= event time < until; `tenant` is a name or an id, null means every company."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    tenant: str | None = None
    examples: Annotated[int, Field(ge=0, le=20)] = 3
    seconds: Annotated[float, Field(gt=0, le=600)] = 60.0


Asked = TypeVar("Asked", bound=Rules)


async def _read(request: Request, kind: type[Asked]) -> Asked:
    """Read here and not by FastAPI, which would take in the body before the guard has seen the token."""
    try:
        return kind.model_validate_json(await read_body(request, MOST_BYTES) or b"{}")
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from None


@router.post("/check")
async def check(request: Request) -> dict[str, Any]:
    """What `jikimi rules check --json` prints."""
    rules = await _read(request, Rules)
    return await _result(request, WorkshopWish("check", rules.files))


@router.post("/test")
async def test(request: Request) -> dict[str, Any]:
    """What `jikimi rules test --json` prints."""
    rules = await _read(request, Rules)
    return await _result(request, WorkshopWish("test", rules.files))


@router.post("/coverage")
async def coverage(request: Request) -> dict[str, Any]:
    """What `jikimi rules coverage --json` prints."""
    rules = await _read(request, Rules)
    return await _result(request, WorkshopWish("coverage", rules.files))


@router.post("/backtest")
async def backtest(request: Request) -> StreamingResponse:
    """Lines of JSON while it runs, the last one `{"result": …}` or `{"error": …}`."""
    wish = await _read(request, Backtest)
    asked = WorkshopWish(
        "backtest", wish.files, wish.since, _after(wish), wish.tenant, examples=wish.examples, seconds=wish.seconds
    )
    told = _told(request, asked)
    first = await unless_hung_up(request, anext(told))  # a refusal of the wish is an answer of its own, not a line
    return StreamingResponse(_lines(first, told), media_type="application/x-ndjson")


def _after(wish: Backtest) -> datetime | None:
    if wish.since and wish.until and wish.until <= wish.since:
        raise ApiError(422, "invalid", "until: must be later than since")
    return wish.until


def _told(request: Request, wish: WorkshopWish) -> AsyncGenerator[dict[str, Any], None]:
    workshop = centre(request).services.workshop
    if workshop is None:
        raise retry_later(503, "this centre runs without a rule workshop")
    return workshop(wish)


async def _result(request: Request, wish: WorkshopWish) -> dict[str, Any]:
    return await unless_hung_up(request, _last(request, wish))


async def _last(request: Request, wish: WorkshopWish) -> dict[str, Any]:
    async with aclosing(_told(request, wish)) as told:
        async for one in told:
            if "error" in one:
                raise ApiError(422, "invalid", one["error"])
            if "result" in one:
                found: dict[str, Any] = one["result"]
                return found
    raise ApiError(500, "internal", "the rule workshop ended without an answer")


async def _lines(first: dict[str, Any], rest: AsyncGenerator[dict[str, Any], None]) -> AsyncIterator[bytes]:
    async with aclosing(rest):
        yield _line(first)
        async for one in rest:
            yield _line(one)


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"
