"""PAN-OS's own form: comma-separated values in an order that the type decides.

Palo Alto Networks, "Syslog Field Descriptions": the traffic and threat logs; of other types the part that all have.
"""

import csv
import re

_LOOKS = re.compile(r"\d{0,6},\d{4}/\d\d/\d\d \d\d:\d\d:\d\d,\w{1,32},[A-Z]{3,20},[\w-]{0,32},")
_HEAD = ("", "", "serial", "type", "subtype", "", "start_time")
_SESSION = (
    "src_ip", "dst_ip", "nat_src_ip", "nat_dst_ip", "rule", "src_user", "dst_user", "app", "vsys", "from_zone",
    "to_zone", "in_if", "out_if", "log_profile", "", "session_id", "repeat_count", "src_port", "dst_port",
    "nat_src_port", "nat_dst_port", "flags", "protocol", "action",
)  # fmt: skip
_AFTER = {
    "TRAFFIC": ("bytes", "sent_bytes", "recv_bytes", "packets", "start", "duration", "category"),
    "THREAT": ("misc", "threat_id", "category", "threat_severity", "direction"),
}


def parse(text: str) -> dict[str, str] | None:
    """Fields of a PAN-OS line, None for another line. The address of a URL log is in `url` and `hostname`."""
    if _LOOKS.match(text) is None:
        return None
    values = next(csv.reader([text]), [])
    order = (*_HEAD, *_SESSION, *_AFTER[values[3]]) if values[3] in _AFTER else _HEAD
    fields = {name: value for name, value in zip(order, values, strict=False) if name and value}
    fields["start_time"] = fields.get("start_time", "").replace("/", "-")
    if fields["subtype" if "subtype" in fields else "type"] == "url" and (url := fields.get("misc")):
        fields |= {"url": url, "hostname": url.partition("/")[0].partition(":")[0]}
    return fields
