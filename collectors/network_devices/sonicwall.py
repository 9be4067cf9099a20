"""SonicOS writes an end of a connection in one value: `src=192.0.2.1:50000:X0:name` (address, port, interface)."""

import re

from collectors.network_devices.fields import address

_END = re.compile(
    r"(?P<address>\[[0-9A-Fa-f:.]{2,45}\]|[\d.]{7,15})(?::(?P<port>\d{0,5}))?(?::(?P<interface>[^:]{0,64}))?"
)
_SAYS = re.compile(r"\b(drop|den|block|reject|discard|connection (?:opened|closed))", re.IGNORECASE)
_WORDS = {"drop": "drop", "den": "deny", "block": "block", "reject": "reject", "discard": "drop"}


def ends(fields: dict[str, str]) -> dict[str, str]:
    """`src_ip src_port src_if` and the same of `dst`; the action, where `fw_action` does not say it, by the message."""
    found: dict[str, str] = {}
    for name in ("src", "dst"):
        end = _END.match(fields.get(name, ""))
        there = address(end["address"]) if end else address(fields.get(f"{name}V6", ""))
        parts = {f"{name}_ip": there, f"{name}_port": (end and end["port"]) or fields.get(f"{name}Port", "")}
        parts[f"{name}_if"] = (end and end["interface"]) or ""
        found |= {part: value for part, value in parts.items() if value}
    if fields.get("fw_action", "NA").strip().upper() == "NA" and (word := _SAYS.search(fields.get("msg", ""))):
        found["fw_action"] = _WORDS.get(word[1].lower(), "accept")
    return found
