"""nginx's access log as JSON: a `log_format … escape=json` whose names are nginx's own variables, as most write it
(nginx, ngx_http_log_module and "Alphabetical index of variables")."""

from datetime import tzinfo

from collectors.logs.access_log import WEBSERVER, request_fields
from collectors.logs.clocks import ncsa_stamp
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event

_NAMES = {
    "remote_addr": "c-ip",
    "remote_user": "cs-username",
    "http_referer": "cs-referer",
    "http_user_agent": "cs-user-agent",
}
_HOSTS = ("host", "http_host", "server_name")
_SIZES = ("bytes_sent", "body_bytes_sent")
_MOMENTS = ("time_iso8601", "msec", "time", "timestamp", TIMESTAMP)


def nginx_event(value: Event, zone: tzinfo) -> SourceEvent | None:
    """The request, with Sigma's webserver fields; None for an object of another program. `zone` is that of
    `time_local` without one."""
    line = _request(value)
    if not isinstance(value.get("remote_addr"), str) or line is None or "status" not in value:
        return None
    event = request_fields(line) | {own: value.get(name) for name, own in _NAMES.items()}
    event |= {
        "cs-host": next((value[name] for name in _HOSTS if value.get(name)), None),
        "sc-status": _number(value["status"]),
        "sc-bytes": next((_number(value[name]) for name in _SIZES if name in value), None),
    }
    event = {name: found for name, found in event.items() if found not in (None, "", "-")}
    stamp = _stamp(value, zone)
    return SourceEvent(WEBSERVER, {TIMESTAMP: stamp} | event if stamp is not None else event)


def _request(value: Event) -> str | None:
    """As it stands in `$request`, also where its parts are written apart."""
    line = value.get("request")
    if isinstance(line, str):
        return line
    method, target = value.get("request_method"), value.get("request_uri") or value.get("uri")
    if not isinstance(method, str) or not isinstance(target, str):
        return None
    arguments = value.get("args") or value.get("query_string")
    if arguments and "request_uri" not in value:
        target = f"{target}?{arguments}"
    return f"{method} {target} {value.get('server_protocol') or ''}".rstrip()


def _number(value: object) -> object:
    """nginx writes every variable as text where the format quotes it."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else value


def _stamp(value: Event, zone: tzinfo) -> str | None:
    local = value.get("time_local")
    if isinstance(local, str):
        return ncsa_stamp(local, zone)
    moments = (canonical_stamp(_seconds(value[name])) for name in _MOMENTS if name in value)
    return next((stamp for stamp in moments if stamp is not None), None)


def _seconds(value: object) -> object:
    """`$msec` in quotes is a number all the same."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
