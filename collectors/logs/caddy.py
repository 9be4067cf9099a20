"""Caddy's access log: one JSON object a request (Caddy documentation, "How Logging Works")."""

from typing import Any

from collectors.logs.access_log import WEBSERVER
from collectors.logs.web_fields import target_fields
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event


def caddy_event(value: Event) -> SourceEvent | None:
    """The request, with Sigma's webserver fields; None for an object of another program, or of Caddy's other logs."""
    request = value.get("request")
    if not isinstance(request, dict) or not _is_access(value):
        return None
    stem, _, query = str(request.get("uri") or "").partition("?")
    headers = request.get("headers")
    headers = headers if isinstance(headers, dict) else {}
    event = target_fields(stem, query) | {
        "c-ip": _client(request),
        "cs-username": value.get("user_id"),
        "cs-method": request.get("method"),
        "cs-host": request.get("host"),
        "cs-version": request.get("proto"),
        "cs-referer": _first(headers, "Referer"),
        "cs-user-agent": _first(headers, "User-Agent"),
        "sc-status": value.get("status"),
        "sc-bytes": value.get("size"),
    }
    event = {name: found for name, found in event.items() if found not in (None, "")}
    stamp = canonical_stamp(value.get("ts"))
    return SourceEvent(WEBSERVER, {TIMESTAMP: stamp} | event if stamp is not None else event)


def _is_access(value: Event) -> bool:
    logger = value.get("logger")
    return isinstance(logger, str) and logger.startswith("http.log.access") and "status" in value


def _client(request: dict[str, Any]) -> str | None:
    """`client_ip` is behind trusted proxies; before version 2.5 there was `remote_addr` with its port."""
    found = request.get("client_ip") or request.get("remote_ip")
    if isinstance(found, str):
        return found
    address = request.get("remote_addr")
    return address.rpartition(":")[0].strip("[]") if isinstance(address, str) else None


def _first(headers: dict[str, Any], name: str) -> str | None:
    values = headers.get(name)
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else None
