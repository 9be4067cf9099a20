"""What pf logs on pfSense and OPNsense: comma-separated values in an order that version and protocol decide.

Netgate, "Raw Filter Log Format".
"""

_HEAD = ("rule", "sub_rule", "anchor", "tracker", "interface", "reason", "action", "direction", "ip_version")
_BY_VERSION = {
    "4": ("tos", "ecn", "ttl", "id", "offset", "ip_flags", "protocol_id", "protocol", "length", "src_ip", "dst_ip"),
    "6": ("class", "flow_label", "hop_limit", "protocol", "protocol_id", "length", "src_ip", "dst_ip"),
}
_PORTS = ("src_port", "dst_port", "data_length")
_BY_PROTOCOL = {
    "tcp": (*_PORTS, "tcp_flags", "sequence", "acknowledged", "window", "urgent", "options"),
    "udp": _PORTS,
    "icmp": ("icmp_type",),
}


def parse(text: str) -> dict[str, str] | None:
    """Fields of the text behind `filterlog:`, None for another text. A rule is named by its tracking id, where it has
    one: its number changes with every edit of the list."""
    values = [value.strip() for value in text.split(",")]
    order = _BY_VERSION.get(values[8]) if len(values) > len(_HEAD) else None
    if order is None or not values[0].isdigit():
        return None
    fields = _named((*_HEAD, *order), values)
    rest = values[len(_HEAD) + len(order) :]
    fields |= _named(_BY_PROTOCOL.get(fields.get("protocol", "").lower(), ()), rest)
    if fields.get("tracker", "0") != "0":
        fields["rule"] = fields["tracker"]
    return fields


def _named(names: tuple[str, ...], values: list[str]) -> dict[str, str]:
    return {name: value for name, value in zip(names, values, strict=False) if value}
