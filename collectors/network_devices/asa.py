"""Sentences of Cisco's ASA, FTD and PIX about connections: `%ASA-4-106023: Deny tcp src outside:192.0.2.1/5 dst …`.

Cisco, "Cisco Secure Firewall ASA Series Syslog Messages": those that name both ends (106001 to 106023, 106100, 302013
to 302021, 710003 and whoever else is written like them), and Firepower's connection events (430001 to 430005).
"""

import re

from collectors.network_devices.fields import address

_HEAD = re.compile(r"%(?:ASA|FTD|PIX)-(?:\w{1,16}-)?[0-7]-(\d{6}): ")
_ENDS = re.compile(
    r"\b(?:src|from|for(?: faddr)?) (\[?\S{2,80}?)(?:/(\d{1,5}))?\]?(?: ?\([^)]{0,80}\))* "
    r"(?:dst|to|gaddr \S{1,50} laddr|laddr) (\[?\S{2,80}?)(?:/(\d{1,5}))?\]?(?=[ ,(]|$)"
)
_LISTED = re.compile(r"(\w{2,8}) (\S{1,64}/\S{2,50}?)\((\d{1,5})\)\S* -> (\S{1,64}/\S{2,50}?)\((\d{1,5})\)")
_PROTOCOL = re.compile(r"\b(TCP|UDP|ICMPv6|ICMP6?|SCTP|GRE|IGMP|ESP)\b", re.IGNORECASE)
_VERDICT = re.compile(r"\b(Den(?:y|ied)|permitted|Built|Teardown)\b", re.IGNORECASE)
_RULE = re.compile(r'access-(?:group|list) "?([\w.\-]{1,64})')
_CONNECTION_EVENTS = ("430001", "430002", "430003", "430004", "430005")
_NAMED = re.compile(r"(?:^|, )([A-Za-z]\w{1,48}): (.{0,1024}?)(?=, [A-Za-z]\w{1,48}: |$)")
_BYTES = re.compile(r"\bbytes (\d{1,18})\b")


def parse(text: str) -> dict[str, str] | None:
    """Ends, protocol, `action` and rule of a sentence about a connection, and its `message_number`; None for others."""
    head = _HEAD.search(text)
    if head is None:
        return None
    said = text[head.end() :]
    if head[1] in _CONNECTION_EVENTS:  # Firepower's own: name: value
        return {"message_number": head[1], **dict(_NAMED.findall(said))}
    ends, verdict = _listed(said) or _ends(said), _VERDICT.search(said)
    if ends is None or verdict is None:
        return None
    word = verdict[1].lower()
    fields = {"message_number": head[1], "action": "deny" if word.startswith("den") else word, **ends}
    for name, pattern in (("protocol", _PROTOCOL), ("rule", _RULE), ("bytes", _BYTES)):
        if found := pattern.search(said):
            fields.setdefault(name, found[1])
    return fields


def _listed(said: str) -> dict[str, str] | None:
    """106100: `access-list inside permitted tcp inside/192.0.2.1(40000) -> outside/198.51.100.2(443) hit-cnt 1`."""
    found = _LISTED.search(said)
    if found is None:
        return None
    protocol, source, here, destination, there = found.groups()
    return _named(source.partition("/")[2], here, destination.partition("/")[2], there) | {"protocol": protocol}


def _ends(said: str) -> dict[str, str] | None:
    found = _ENDS.search(said)
    if found is None:
        return None
    first, second = (_address(found[1]), found[2] or ""), (_address(found[3]), found[4] or "")
    if not first[0] or not second[0]:
        return None
    outbound = " outbound " in said[:40]
    if outbound or (said.startswith("Teardown") and _is_service(first[1]) and not _is_service(second[1])):
        first, second = second, first  # `for` names the far side, whoever called
    return _named(*first, *second)


def _is_service(port: str) -> bool:
    return port.isdigit() and int(port) < 1024


def _address(token: str) -> str:
    """Of `192.0.2.1` or `outside:192.0.2.1`."""
    token = token.strip("[]")
    return address(token) or address(token.partition(":")[2])


def _named(source: str, here: str, destination: str, there: str) -> dict[str, str]:
    named = {"src_ip": source, "src_port": here, "dst_ip": destination, "dst_port": there}
    return {name: value for name, value in named.items() if value}
