"""One shape for every refusal: `{"error": "one sentence", "code": "..."}`."""

from collections.abc import Mapping
from typing import Any, Literal

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.headers import SECURITY_HEADERS
from jikimi.errors import Misconfigured, Transient

Code = Literal[
    "malformed",  # 400: not what docs/api.md describes
    "unauthorised",  # 401: no or an unknown credential, token or password
    "revoked",  # 403: the agent was revoked or replaced by a newer enrolment
    "foreign_tenant",  # 403: the envelope names someone else than the credential
    "forbidden",  # 403: this caller may not do this
    "not_found",  # 404
    "method_not_allowed",  # 405
    "gap",  # 409: sequence numbers are missing before this batch
    "conflict",  # 409
    "too_large",  # 413
    "unsupported_media",  # 415
    "invalid",  # 422: understood, but a value cannot be
    "quota",  # 429: wait for Retry-After seconds
    "unavailable",  # 503: wait for Retry-After seconds, nothing was taken
    "internal",  # 500: our fault
]

_CODE_OF_STATUS: dict[int, Code] = {
    400: "malformed",
    401: "unauthorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media",
    422: "invalid",
    429: "quota",
    503: "unavailable",
}

RETRY_SECONDS = 2

_log = structlog.get_logger()


class ApiError(Exception):
    """A refusal, ready to be answered. `more` are further keys of the body, e.g. `expected` of a gap."""

    def __init__(
        self,
        status: int,
        code: Code,
        sentence: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code: Code = code
        self.sentence = sentence
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def retry_later(status: Literal[429, 503], sentence: str, seconds: float = RETRY_SECONDS) -> ApiError:
    """A refusal that ends by itself; `Retry-After` is in whole seconds (RFC 9110, 10.2.3)."""
    code: Code = "quota" if status == 429 else "unavailable"
    return ApiError(status, code, sentence, headers={"Retry-After": str(max(1, round(seconds + 0.5)))})


def install(app: FastAPI) -> None:
    """Answer every error in the one shape."""
    app.add_exception_handler(ApiError, _refusal)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Transient, _transient)
    app.add_exception_handler(Misconfigured, _misconfigured)
    app.add_exception_handler(Exception, _unexpected)


def _answer(
    status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    return JSONResponse({"error": sentence, "code": code, **more}, status, headers=dict(headers or {}))


async def _refusal(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class only
    return _answer(error.status, error.code, error.sentence, error.headers, **error.more)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    return _answer(error.status_code, code_of(error), str(error.detail), error.headers)


def code_of(error: ApiError | HTTPException) -> Code:
    """The code that goes with a refusal."""
    if isinstance(error, ApiError):
        return error.code
    return _CODE_OF_STATUS.get(error.status_code, "malformed" if error.status_code < 500 else "internal")


async def _validation(_request: Request, error: Exception) -> JSONResponse:
    """The first fault, with its place in the input; never the input itself."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    if first["type"] == "json_invalid":
        return _answer(400, "malformed", "the body is not JSON")
    return _answer(422, "invalid", f"{where}: {first['msg']}")


async def _transient(_request: Request, error: Exception) -> JSONResponse:
    refusal = retry_later(503, f"cannot take this now: {error}")
    return _answer(refusal.status, refusal.code, refusal.sentence, refusal.headers)


async def _misconfigured(_request: Request, error: Exception) -> JSONResponse:
    return _answer(422, "invalid", str(error))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("request_failed", path=request.url.path, error=type(error).__name__)
    return _answer(500, "internal", "the centre failed on this request; it is in its log", SECURITY_HEADERS)
