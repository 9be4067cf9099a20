"""Only our own pages may change anything with a browser's cookie: same-origin checks (OWASP, CSRF prevention)."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from api.errors import ApiError

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PAGE_HEADERS = {"Referrer-Policy": "same-origin"}
"""For pages with forms: under `no-referrer` a browser sends `Origin: null` even to ourselves."""


def require_same_origin(request: HTTPConnection) -> None:
    """FastAPI dependency: 403 for a state-changing request that another site's page may have caused."""
    if request.scope["type"] == "http" and request.scope["method"] in SAFE:
        return
    if not from_same_origin(request):
        raise ApiError(403, "forbidden", "this request did not come from the console's own page")


def from_same_origin(request: HTTPConnection) -> bool:
    """By `Origin` against `Host`; a browser that sends no `Origin` must say `Sec-Fetch-Site: same-origin`."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site") == "same-origin"
    return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower() != ""
