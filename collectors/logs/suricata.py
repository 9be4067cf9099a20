"""Suricata's eve.json: one object an event, `event_type` says which (Suricata User Guide, "Eve JSON Format").

The object's own fields stay, nested ones as `alert.signature`; beside them are Sigma's names of the categories that an
event also is (detectors.sigma.route): firewall for alerts, drops and flows, dns, webserver and proxy for http.
"""

from typing import Any

import orjson

from collectors.logs.web_fields import proxy_fields, target_fields
from collectors.source_event import SourceEvent
from collectors.stamps import canonical_stamp
from jikimi.domain.event import TIMESTAMP, Event
from jikimi.domain.logsource import LogSource

MOST_FIELDS = 1024
_DEEPEST = 6
_ACTIONS = {
    "allowed": "accept", "alert": "accept", "pass": "accept", "accept": "accept", "blocked": "block", "drop": "drop",
    "reject": "reject",
}  # fmt: skip


def eve_text(text: str) -> SourceEvent | None:
    """The event in a syslog message, where Suricata writes its objects also behind `@cee:`; None for another."""
    text = text.lstrip().removeprefix("@cee:").lstrip()
    if not text.startswith("{") or '"event_type"' not in text:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return eve_event(value) if isinstance(value, dict) else None


def eve_event(value: Event) -> SourceEvent | None:
    """None for an object of another program."""
    kind = value.get("event_type")
    if not isinstance(kind, str) or "timestamp" not in value or not isinstance(value.get(kind), dict):
        return None
    event = _flat(value)
    stamp = canonical_stamp(value["timestamp"])
    if stamp is not None:
        event[TIMESTAMP] = stamp
    if isinstance(sensor := value.get("host"), str):
        event["Hostname"] = sensor
    event |= _ends(value)
    read = {"alert": _alert, "drop": _drop, "flow": _flow, "netflow": _flow, "dns": _dns, "http": _http}.get(kind)
    if read is not None:
        event |= {name: found for name, found in read(value, value[kind]).items() if found not in (None, "", [])}
    return SourceEvent(LogSource(product="suricata", service=kind), event)


def _flat(value: Event) -> Event:
    """Nested objects as dotted names; at most MOST_FIELDS, deeper ones than _DEEPEST as their text."""
    flat: Event = {}
    waiting: list[tuple[str, int, dict[str, Any]]] = [("", 0, value)]
    while waiting and len(flat) < MOST_FIELDS:
        prefix, depth, found = waiting.pop(0)
        for name, part in found.items():
            if isinstance(part, dict) and depth < _DEEPEST:
                waiting.append((f"{prefix}{name}.", depth + 1, part))
            elif len(flat) < MOST_FIELDS:
                flat[f"{prefix}{name}"] = orjson.dumps(part).decode() if isinstance(part, dict) else part
    return flat


def _ends(value: Event) -> Event:
    named = {"dst_ip": value.get("dest_ip"), "dst_port": value.get("dest_port")}
    if isinstance(protocol := value.get("proto"), str):
        named["protocol"] = {"ipv6-icmp": "icmp6"}.get(protocol.lower(), protocol.lower())
    return {name: found for name, found in named.items() if found is not None}


def _alert(_value: Event, alert: Event) -> Event:
    return {"action": _ACTIONS.get(str(alert.get("action"))), "rule_name": alert.get("signature")}


def _drop(_value: Event, _drop: Event) -> Event:
    return {"action": "drop"}


def _flow(value: Event, flow: Event) -> Event:
    """`accept` where nothing is said and both sides spoke (a netflow record tells of one side)."""
    there, back = flow.get("bytes_toserver", flow.get("bytes")), flow.get("bytes_toclient")
    spoke = isinstance(packets := flow.get("pkts_toclient"), int) and packets > 0
    action = _ACTIONS.get(str(flow.get("action"))) or ("accept" if spoke else None)
    return {"bytes_out": there, "bytes_in": back, "action": action, "app_proto": value.get("app_proto")}


def _dns(value: Event, dns: Event) -> Event:
    """Version 1 and 2 have one name, version 3 a list of queries; an answer may come from the server's side."""
    asked = [dns, *_objects(dns.get("queries"))]
    answers = [dns, *_objects(dns.get("answers"))]
    client = "dest_ip" if value.get("src_port") == 53 else "src_ip"
    return {
        "query": _one([str(one["rrname"]).rstrip(".") or "." for one in asked if "rrname" in one]),
        "record_type": _one([str(one["rrtype"]) for one in asked if "rrtype" in one]),
        "answer": _one([str(one["rdata"]) for one in answers if "rdata" in one]),
        "SourceIp": value.get(client),
    }


def _http(value: Event, http: Event) -> Event:
    """As an access log and as a proxy's: the sensor sees requests to the company's servers and of its people."""
    host, url = str(http.get("hostname") or ""), str(http.get("url") or "")
    whole = f"http://{host}{url}" if host and url.startswith("/") else url
    stem, _, query = url.partition("?")
    fields = proxy_fields(whole, host) | target_fields(stem, query) if url else {"cs-host": host}
    agent = http.get("http_user_agent")
    return fields | {
        "c-ip": value.get("src_ip"),
        "cs-method": http.get("http_method"),
        "sc-status": http.get("status"),
        "sc-bytes": http.get("length"),
        "cs-referer": http.get("http_refer"),
        "cs-user-agent": agent,
        "c-useragent": agent,
    }


def _objects(value: object) -> list[Event]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _one(values: list[str]) -> str | list[str] | None:
    values = list(dict.fromkeys(values))
    return values[0] if len(values) == 1 else values or None
