"""Every vendor's words for the same things → the names that SigmaHQ's firewall and proxy rules use.

The vendor's own fields stay beside them: rules for one product (`product: fortigate`) use those.
"""

from collections.abc import Mapping
from ipaddress import ip_address

from collectors.flows.events import protocol_name

_NAMES: dict[str, tuple[str, ...]] = {
    "src_ip": ("src_ip", "srcip", "src", "source_ip", "src_addr", "srcaddr", "sourceaddress", "attacker_ip", "saddr",
               "출발지ip", "출발지"),
    "src_port": ("src_port", "srcport", "spt", "source_port", "sport", "sourceport", "s_port", "출발지포트"),
    "dst_ip": ("dst_ip", "dstip", "dst", "destination_ip", "dst_addr", "dstaddr", "destinationaddress", "victim_ip",
               "daddr", "목적지ip", "목적지"),
    "dst_port": ("dst_port", "dstport", "dpt", "destination_port", "dport", "destinationport", "목적지포트",
                 "service"),
    "protocol": ("protocol", "proto", "transport", "ipproto", "프로토콜"),
    "action": ("action", "act", "fw_action", "disp", "disposition", "accesscontrolruleaction", "행위",
               "동작", "처리결과", "log_subtype"),
    "username": ("username", "user", "user_name", "usrname", "suser", "duser", "src_user", "admin_id", "사용자"),
    "bytes_out": ("sentbyte", "sent_bytes", "out", "sent_data", "tx_bytes", "srcbytes", "sent", "initiatorbytes"),
    "bytes_in": ("rcvdbyte", "recv_bytes", "in", "rcvd_data", "rx_bytes", "dstbytes", "rcvd", "responderbytes"),
    "rule_name": ("policyname", "policyid", "policy_id", "fw_rule_id", "fw_rule_name", "rule", "policy", "rule_id",
                  "accesscontrolrulename", "정책"),
}  # fmt: skip
_ADDRESSES = ("src_ip", "dst_ip")
_PORTS = ("src_port", "dst_port")
_COUNTS = ("bytes_out", "bytes_in")

_ACTIONS = {
    "accept": "accept allow allowed accepted permit permitted pass passed passthrough forward forwarded close closed "
    "start timeout ip-conn client-rst server-rst dns alive expire built teardown established trust 허용",
    "deny": "deny denied refused violation 거부",
    "drop": "drop dropped discard discarded",
    "block": "차단 block blocked prevent prevented quarantine quarantined clean cleaned",
    "reject": "reject rejected reset reset_client reset_server reset_both reset-both",
}
_ACTION_OF = {word: action for action, words in _ACTIONS.items() for word in words.split()}


def normalised(fields: Mapping[str, str], *, traffic: bool) -> dict[str, str | int]:
    """Sigma's names for what `fields` hold. `traffic`: the log tells of connections, so that its `action` is one of
    accept, deny, drop, block, reject where the vendor's word is known."""
    lower = {name.lower(): value for name, value in reversed(list(fields.items()))}
    found: dict[str, str | int] = {}
    for name, words in _NAMES.items():
        value = next((lower[word] for word in words if lower.get(word)), "")
        if value:
            found |= _typed(name, value, traffic=traffic)
    return found


def _typed(name: str, value: str, *, traffic: bool) -> dict[str, str | int]:
    """{} for a value that cannot be what the name says."""
    if name in _ADDRESSES:
        value = address(value)
    elif name in _PORTS:
        return (
            {name: int(value)} if value.isascii() and value.isdigit() and len(value) < 6 and int(value) < 65536 else {}
        )
    elif name in _COUNTS:
        return {name: int(value)} if value.isascii() and value.isdigit() and len(value) < 19 else {}
    elif name == "protocol":
        value = protocol(value)
    elif name == "action" and traffic:
        value = _action(value.lower())
    return {name: value} if value else {}


def _action(words: str) -> str:
    """Of a phrase (`Block with reset`) the first word that is known; the phrase itself when none is."""
    return _ACTION_OF.get(words) or next((_ACTION_OF[word] for word in words.split() if word in _ACTION_OF), words)


def address(text: str) -> str:
    """The address in its usual form, without port or zone; "" for what is none."""
    try:
        return str(ip_address(text.strip("[] ").split("%", 1)[0].split("/", 1)[0]))
    except ValueError:
        return ""


def protocol(text: str) -> str:
    """`tcp`, `udp`, `icmp` … for a name in any case or a number."""
    if text.isascii() and text.isdigit() and len(text) < 4:
        return protocol_name(int(text))
    name = text.lower().split("/", 1)[0]
    return "icmp6" if name in ("icmpv6", "ipv6-icmp") else name
