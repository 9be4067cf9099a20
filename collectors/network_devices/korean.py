"""Lines of Korean appliances that have an order of fields instead of names: AhnLab TrusGuard, SECUI MF2.

As far as their public descriptions go: the traffic and session logs; of other logs the parts that all have in common.
"""

import re

_TRUSGUARD = re.compile(r"[13]`\d`[12]`\d{1,6}`[^`]{0,64}`")
_HEAD = ("version", "encrypt", "type", "count", "utm_id")
_NAT = ("nat_type", "nat_ip", "nat_port")
_COUNTS = ("sent_data", "sent_pkt", "rcvd_data", "rcvd_pkt", "duration", "state", "reason", "code", "tcp_flag")
_ENDS = ("src_ip", "src_port", "dst_ip", "dst_port")
_TRAFFIC = ("logtype", "protocol", "policy_id", *_ENDS, "in_nic", "out_nic", *_NAT, *_COUNTS)
_APPLICATION = ("severity", "protocol", *_ENDS, "action", "user", "module_name", "description")
_LOG_TYPES = {"1": "accept", "2": "deny", "3": "close", "4": "alive"}

_SECUI = re.compile(r"\[([a-z][a-z0-9_]{2,40})\] ?\[([^\]]{0,64})\] ?")
_SESSION = (
    "start_time", "end_time", "duration", "machine_name", "fw_rule_id", "nat_rule_id", *_ENDS, "protocol", "ingres_if",
    "tx_packets", "rx_packets", "tx_bytes", "rx_bytes", "fragment_info", "flag_record", "terminate_reason",
)  # fmt: skip
_DENIED = (
    "start_time", "end_time", "duration", "machine_name", "fw_rule_id", "nat_rule_id", *_ENDS, "protocol", "ingres_if",
    "packets", "bytes", "fragment_info", "flag_record",
)  # fmt: skip
_SECUI_ORDERS = {"fw4_allow": _SESSION, "fw6_allow": _SESSION, "fw4_deny": _DENIED, "fw6_deny": _DENIED}


def trusguard(text: str) -> dict[str, str] | None:
    """Fields of a TrusGuard line (separated by back quotes), None for another line. `action` is in words."""
    if _TRUSGUARD.match(text) is None:
        return None
    values = text.split("`")
    traffic, newer = values[2] == "1", values[0] == "3"
    module = ("module_flag",) if newer or not traffic else ()
    names = (*_HEAD, *module, "date", "time", *(_TRAFFIC if traffic else _APPLICATION))
    fields = _named(names, values)
    if traffic:
        fields["action"] = _LOG_TYPES.get(fields.get("logtype", ""), fields.get("logtype", ""))
    return fields


def secui(text: str) -> tuple[dict[str, str], str] | None:
    """`log_type`, `from_ip` and, where the order is known, the fields of an MF2 line; and the text behind its head.

    None for another line. The text is separated by commas or tabs, or is name=value (the appliance's choice).
    """
    head = _SECUI.match(text)
    if head is None:
        return None
    fields = {"log_type": head[1], "from_ip": head[2]}
    rest = text[head.end() :]
    order = _SECUI_ORDERS.get(head[1])
    if order and "=" not in rest.split(",", 1)[0].split("\t", 1)[0]:
        fields |= _named(order, rest.split("\t" if "\t" in rest else ","))
    if head[1].endswith(("_allow", "_deny")):
        fields["action"] = head[1].rsplit("_", 1)[1]
    return fields, rest


def _named(names: tuple[str, ...], values: list[str]) -> dict[str, str]:
    return {name: value.strip() for name, value in zip(names, values, strict=False) if value.strip() not in ("", "-")}
