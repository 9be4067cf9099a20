"""The question of a DNS query (RFC 1035, section 4.1)."""

_TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
    35: "NAPTR", 43: "DS", 48: "DNSKEY", 64: "SVCB", 65: "HTTPS", 252: "AXFR", 255: "ANY",
}  # fmt: skip


def question(message: bytes) -> tuple[str, str] | None:
    """(name, type) asked for, or None when `message` is an answer or not DNS; bytes beyond ASCII become U+FFFD."""
    if len(message) < 17 or message[2] & 0xF8 or int.from_bytes(message[4:6]) != 1:
        return None
    labels, at, size = [], 12, 0
    while at < len(message) and (length := message[at]):
        size += length + 1
        if length > 63 or size > 255 or at + 1 + length > len(message):
            return None
        labels.append(message[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    if at + 5 > len(message) or int.from_bytes(message[at + 3 : at + 5]) & 0x7FFF not in (1, 255):
        return None
    number = int.from_bytes(message[at + 1 : at + 3])
    return ".".join(labels), _TYPES.get(number, f"TYPE{number}")
