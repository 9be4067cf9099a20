"""What a firewall rule of MikroTik RouterOS logs: `[topics] [prefix] chain: in:ether1 out:bridge, …, proto TCP (SYN),
192.0.2.1:5->198.51.100.2:23, len 60`.

MikroTik, "RouterOS documentation: Firewall, Log". The line never says what the rule did: only the prefix, which people
choose, may.
"""

import re

_PACKET = re.compile(
    r"(?P<before>.{0,256}?)\b(?P<chain>[\w.-]{1,64}): ?in:(?P<in_if>\([^)]{0,40}\)|[^\s,]{1,64}) "
    r"out:(?P<out_if>\([^)]{0,40}\)|[^\s,]{1,64}?),? (?P<about>.{0,512}?)"
    r"proto (?P<protocol>[\w.-]{1,24})(?: \((?P<flags>[^)]{0,64})\))?, "
    r"(?P<source>[^\s,]{2,64}?)->(?P<destination>[^\s,]{2,64}?)(?:,|$)"
)
_STATE = re.compile(r"connection-state:([\w,-]{1,40}?)(?:,? |$)")
_TOPICS = re.compile(r"[a-z]{1,20}(?:,[a-z]{1,20}){1,5}(?: |$)")
_SAYS = (
    ("drop", re.compile(r"drop|discard", re.IGNORECASE)),
    ("reject", re.compile(r"reject", re.IGNORECASE)),
    ("deny", re.compile(r"den(?:y|ied)|block|refuse", re.IGNORECASE)),
    ("accept", re.compile(r"accept|allow|pass|permit|forwarded", re.IGNORECASE)),
)


def parse(text: str) -> dict[str, str] | None:
    """Fields of a packet that a rule logged, None for another line; `action` where the rule's prefix tells it."""
    found = _PACKET.match(text)
    if found is None:
        return None
    fields = {name: found[name] for name in ("chain", "in_if", "out_if", "protocol", "flags") if found[name]}
    fields |= _end("src", found["source"]) | _end("dst", found["destination"])
    prefix = _TOPICS.sub("", found["before"], count=1).strip(" :")
    if prefix:
        fields["prefix"] = prefix
    if state := _STATE.search(found["about"]):
        fields["connection_state"] = state[1]
    if action := next((action for action, words in _SAYS if words.search(prefix)), ""):
        fields["action"] = action
    return fields


def _end(name: str, text: str) -> dict[str, str]:
    """Of `192.0.2.1:5`, `[2001:db8::1]:5`, or an address alone."""
    address, port = text, ""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    return {f"{name}_ip": address, **({f"{name}_port": port.lstrip(":")} if port else {})}
