"""One line of a device → its event and log source: which dialect it is, and what its parts mean to Sigma."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, NamedTuple

from collectors.logs.programs import firewall_fields
from collectors.logs.suricata import eve_text
from collectors.logs.windows_text import windows_text
from collectors.network_devices import (
    asa,
    cef,
    checkpoint,
    filterlog,
    korean,
    leef,
    mikrotik,
    paloalto,
    sonicwall,
    syslog,
)
from collectors.network_devices.fields import normalised
from collectors.network_devices.keyvalue import pairs
from jikimi.domain.event import TIMESTAMP, event_time
from jikimi.domain.logsource import LogSource

FIREWALL, PROXY = "firewall", "proxy"
_OURS = {TIMESTAMP, "Hostname", "logsource"}
"""Names whose meaning no sender may choose."""
_NEEDED = 3
"""Pairs that make a line a name=value line, and not text in which an equals sign occurs."""


class Line(NamedTuple):
    """`fields` are an event without time; `time` is what the device states, None when it states none."""

    logsource: LogSource
    fields: dict[str, Any]
    time: datetime | None
    dialect: str


class _Said(NamedTuple):
    """What a dialect's parser found: the vendor's own fields, and where they come from."""

    dialect: str
    product: str
    fields: dict[str, str]


def read_line(raw: bytes, now: datetime, zone: tzinfo) -> Line:
    """Any line; never raises. One in no known dialect has `message` and what the syslog header says."""
    head = syslog.parse(raw, now, zone)
    fields: dict[str, Any]
    if (sensed := eve_text(head.text) or windows_text(head.text)) is not None:
        fields = {name: value for name, value in sensed.event.items() if name not in _OURS}
        fields["Hostname"] = head.host or sensed.event.get("Hostname")
        stated = event_time(sensed.event) if TIMESTAMP in sensed.event else head.time
        return Line(
            sensed.logsource, _full(fields), stated, "windows" if sensed.logsource.product == "windows" else "eve"
        )
    said = next((found for dialect in _DIALECTS if (found := dialect(head)) is not None), None)
    fields = {"message": head.text, "Hostname": head.host, "program": head.program}
    fields |= {"process": head.process, "facility": head.facility, "severity": head.severity, **head.data}
    if said is None:
        return Line(_of_text(head), _full(fields), head.time, "syslog")
    logsource, traffic = _logsource(said)
    fields |= {name: value for name, value in said.fields.items() if name not in _OURS}
    fields |= normalised(said.fields, traffic=traffic)
    fields["Hostname"] = head.host or _first(said.fields, "devname", "device_name", "machine_name", "dvchost", "utm_id")
    if logsource.category == PROXY:
        fields |= _web(said.fields)
    return Line(logsource, _full(fields), _own_time(said.fields, now, zone) or head.time, said.dialect)


def _cef(head: syslog.Message) -> _Said | None:
    record = cef.parse(head.text) or cef.parse(f"{head.program}: {head.text}")
    if record is None:
        return None
    about = {"event_id": record.event_id, "name": record.name, "device_severity": record.severity}
    return _Said("cef", _product(record.vendor, record.product), {**about, **record.fields})


def _leef(head: syslog.Message) -> _Said | None:
    record = leef.parse(head.text) or leef.parse(f"{head.program}:{head.text}")
    if record is None:
        return None
    return _Said("leef", _product(record.vendor, record.product), {"event_id": record.event_id, **record.fields})


def _trusguard(head: syslog.Message) -> _Said | None:
    fields = korean.trusguard(head.text)
    return None if fields is None else _Said("trusguard", "trusguard", fields)


def _secui(head: syslog.Message) -> _Said | None:
    found = korean.secui(head.text)
    return None if found is None else _Said("secui", "secui", {**pairs(found[1]), **found[0]})


def _paloalto(head: syslog.Message) -> _Said | None:
    fields = paloalto.parse(head.text)
    return None if fields is None else _Said("panos", "paloalto", fields)


def _checkpoint(head: syslog.Message) -> _Said | None:
    fields = checkpoint.parse(head.text)
    return None if fields is None else _Said("checkpoint", "checkpoint", fields)


def _asa(head: syslog.Message) -> _Said | None:
    fields = asa.parse(head.text)
    return None if fields is None else _Said("asa", "cisco", fields)


def _filterlog(head: syslog.Message) -> _Said | None:
    fields = filterlog.parse(head.text) if head.program == "filterlog" else None
    return None if fields is None else _Said("filterlog", "pfsense", fields)


def _mikrotik(head: syslog.Message) -> _Said | None:
    fields = mikrotik.parse(_whole(head))
    return None if fields is None else _Said("mikrotik", "mikrotik", fields)


def _netfilter(head: syslog.Message) -> _Said | None:
    """What a Linux router logs (Ubiquiti, OpenWrt, iptables)."""
    fields = firewall_fields(_whole(head)) if " DST=" in head.text else {}
    return _Said("netfilter", "linux", {name: str(value) for name, value in fields.items()}) if fields else None


def _keyvalue(head: syslog.Message) -> _Said | None:
    fields = pairs(head.text)
    if len(fields) < _NEEDED:
        return None
    product = _product_of_pairs(fields)
    return _Said("keyvalue", product, fields | sonicwall.ends(fields) if product == "sonicwall" else fields)


def _whole(head: syslog.Message) -> str:
    """With what looked like a program: a prefix that people gave a rule does."""
    return f"{head.program}: {head.text}" if head.program else head.text


_DIALECTS: tuple[Callable[[syslog.Message], _Said | None], ...] = (
    _cef,
    _leef,
    _trusguard,
    _secui,
    _paloalto,
    _checkpoint,
    _asa,
    _filterlog,
    _mikrotik,
    _netfilter,
    _keyvalue,
)

_LONGEST_NAME = 64
_PRODUCTS = {"fortigate": "fortigate", "fortios": "fortigate", "trusguard": "trusguard", "mf2": "secui"}
_VENDORS = {"palo alto networks": "paloalto", "check point": "checkpoint"}


def _product(vendor: str, product: str) -> str:
    """Sigma's word where it has one (product `fortigate`), else the vendor's name."""
    named = product.lower().replace(" ", "")
    known = _PRODUCTS.get(named) or _VENDORS.get(vendor.lower())
    return known or vendor.lower().replace(" ", "_")[:_LONGEST_NAME] or named[:_LONGEST_NAME]


def _product_of_pairs(fields: dict[str, str]) -> str:
    """By fields that only one vendor has together."""
    names = fields.keys()
    if {"logid", "type", "subtype"} <= names:
        return "fortigate"
    if {"device_name", "log_type"} <= names:
        return "sophos"
    if {"msg_id", "disp"} <= names or {"msg_id", "fw_policy_name"} <= names:
        return "watchguard"
    if {"id", "sn", "fw"} <= names:
        return "sonicwall"
    return ""


def _logsource(said: _Said) -> tuple[LogSource, bool]:
    """The log source, and whether the line tells of connections."""
    lower = {name.lower(): value.lower() for name, value in said.fields.items()}
    kind, sub = lower.get("type", ""), lower.get("subtype", lower.get("ftntfgtsubtype", ""))
    if said.product == "fortigate":
        kind = kind or lower.get("cat", "").split(":", 1)[0]
        if sub in ("webfilter", "urlfilter"):
            return LogSource("fortigate", PROXY, sub), True
        if kind == "event":
            return LogSource("fortigate", None, "event"), False
        return LogSource("fortigate", FIREWALL, kind or None), True
    ends = normalised(said.fields, traffic=True)
    if "src_ip" in ends and "dst_ip" in ends:
        is_web = any(lower.get(name) for name in ("url", "request", "urldomain"))
        return LogSource(said.product or None, PROXY if is_web and "action" in ends else FIREWALL), True
    return LogSource(said.product or None, None, None if said.product else "syslog"), False


def _web(fields: dict[str, str]) -> dict[str, str]:
    """Sigma's proxy fields (the W3C names)."""
    found = {
        "c-uri": _first(fields, "url", "request", "URL"),
        "cs-host": _first(fields, "hostname", "dhost", "urldomain", "domain"),
        "cs-method": _first(fields, "httpmethod", "requestMethod", "method"),
        "c-useragent": _first(fields, "agent", "requestClientApplication", "user_agent"),
        "sc-status": _first(fields, "http_status", "status_code"),
    }
    return {name: value for name, value in found.items() if value}


_OF_CISCO = {"BGP": "bgp", "LDP": "ldp", "AAA": "aaa", "PARSER": "aaa", "SEC_LOGIN": "aaa"}


def _of_text(head: syslog.Message) -> LogSource:
    """Cisco's `%FACILITY-SEVERITY-MNEMONIC:`; everything else is syslog of somebody."""
    start = head.text.find("%")
    facility, _, rest = head.text[start + 1 : start + 64].partition("-")
    if start >= 0 and facility.isupper() and rest[:1].isdigit() and rest[1:2] == "-":
        return LogSource("cisco", None, _OF_CISCO.get(facility))
    return LogSource(None, None, "syslog")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _own_time(fields: dict[str, str], now: datetime, zone: tzinfo) -> datetime | None:
    """The time that the line itself states, which is the event's; the header's is when it was sent."""
    stamp = _first(fields, "eventtime", "rt", "devTime", "timestamp", "time")
    if stamp.endswith((" UTC", " GMT")):
        stamp = f"{stamp[:-4]}Z"
    if stamp.isascii() and stamp.isdigit() and 9 < len(stamp) < 20:
        unit = 10 ** (len(stamp) - 10)
        return _EPOCH + timedelta(microseconds=int(stamp) * 1_000_000 // unit)
    if stamp and (moment := syslog.time_of(stamp, now, zone)) is not None:
        return moment
    stated = f"{fields.get('date', '')} {fields.get('time', '')}".strip() or fields.get("start_time", "")
    if not stated[:4].isdigit() or ":" not in stated:
        return None
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError:
        return None
    stated_zone = _first(fields, "tz", "timezone").strip('"')
    zone = syslog.ZONES.get(stated_zone, zone)
    if moment.tzinfo is None and len(stated_zone) == 5 and stated_zone[0] in "+-" and stated_zone[1:].isdigit():
        minutes = int(stated_zone[1:3]) * 60 + int(stated_zone[3:5])
        if minutes < 24 * 60:
            zone = timezone(timedelta(minutes=-minutes if stated_zone[0] == "-" else minutes))
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _first(fields: dict[str, str], *names: str) -> str:
    return next((value for name in names if (value := fields.get(name))), "")


def _full(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != ""}
