"""DNS servers' query logs: the message part, with Sigma's field names for category dns (query, record_type, answer).

dnsmasq with log-queries (also =extra), BIND's category `queries`, unbound with log-queries or log-replies.
"""

import re

from jikimi.domain.event import Event

QUERY_PROGRAMS = frozenset({"dnsmasq", "named", "unbound", "systemd-resolved"})

_DNSMASQ = re.compile(r"query\[(?P<record_type>[\w=]{1,16})\] (?P<query>\S+) from (?P<SourceIp>[0-9A-Fa-f.:]+)")
_DNSMASQ_REPLY = re.compile(r"(?:reply|cached|config|/etc/hosts) (?P<query>\S+) is (?P<answer>.+)")
_BIND = re.compile(
    r"client (?:@0x[0-9a-f]+ )?(?P<SourceIp>[0-9A-Fa-f.:]+)#(?P<SourcePort>\d{1,5})(?: \([^)]*\))?: (?:view \S+: )?"
    r"query: (?P<query>\S+) (?:IN|CH|HS|ANY) (?P<record_type>[\w-]{1,16})"
)
_UNBOUND = re.compile(
    r"(?:info: |reply: |query: )?(?P<SourceIp>[0-9A-Fa-f.:]{3,45}) (?P<query>\S+) "
    r"(?P<record_type>[A-Z][A-Z0-9-]{0,15}|TYPE\d+) (?:IN|CH|HS)\b"
    r"(?: (?P<rcode>[A-Z]+))?"
)
_PATTERNS = {"dnsmasq": (_DNSMASQ, _DNSMASQ_REPLY), "named": (_BIND,), "unbound": (_UNBOUND,)}


def query_fields(program: str, message: str) -> Event:
    """The fields of a query or an answer that `program` logged; empty for its other messages."""
    for pattern in _PATTERNS.get(program, ()):
        found = pattern.search(message[:2048])
        if found is not None:
            event: Event = {name: value for name, value in found.groupdict().items() if value}
            event["query"] = event["query"].rstrip(".").replace("\\.", ".") or "."
            if "SourcePort" in event:
                event["SourcePort"] = int(event["SourcePort"])
            return event
    return {}
