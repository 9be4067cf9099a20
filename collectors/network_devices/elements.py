"""The parts of exported flow records that events are made of, by IANA's information element numbers (RFC 7012), which
are also the field types of NetFlow v9 (RFC 3954, section 8).
"""

from typing import NamedTuple

UNSIGNED = {
    1: "bytes", 2: "packets", 4: "protocol", 6: "flags", 7: "source_port", 11: "destination_port", 32: "icmp",
    85: "bytes", 86: "packets", 136: "end_reason", 139: "icmp", 150: "start_s", 151: "end_s", 152: "start_ms",
    153: "end_ms", 154: "start_us", 155: "end_us", 156: "start_ns", 157: "end_ns", 21: "end_up", 22: "start_up",
    160: "boot_ms", 161: "duration_ms", 176: "icmp_type", 177: "icmp_code",
    34: "sampling", 50: "sampling", 305: "sampled", 306: "passed_over", 48: "sampler", 302: "sampler",
    89: "forwarding", 233: "firewall_event", 231: "bytes", 232: "reverse_bytes", 298: "packets", 299: "reverse_packets",
}  # fmt: skip
ADDRESSES = {8: "source", 12: "destination", 27: "source", 28: "destination"}
REVERSE = 29305
"""Enterprise number under which an element counts the other direction (RFC 5103)."""

_MOST_SAMPLING = 1 << 24
_NTP_TO_UNIX = 2_208_988_800


class Record(NamedTuple):
    """One exported flow of one direction, or of both when the exporter pairs them. Times in ns since 1970."""

    source: bytes
    destination: bytes
    protocol: int
    source_port: int
    destination_port: int
    start: int
    end: int
    packets: int
    bytes: int
    flags: int = 0
    """TCP flags of all its packets together; 0 where unknown."""
    end_reason: int = 0
    """flowEndReason of RFC 5102: 1 idle, 2 active timeout, 3 end seen, 4 forced, 5 lack of resources; 0 unknown."""
    reverse_packets: int = 0
    reverse_bytes: int = 0
    reverse_flags: int = 0
    sampling: int = 1
    """Of so many packets the exporter looked at one; the counts are multiplied by it."""
    action: str = ""
    """What the exporter says it did: accept, deny, drop; empty when it does not say."""

    def of_all_packets(self, sampling: int) -> "Record":
        """With the counts that were sampled 1 in `sampling`, multiplied."""
        if sampling <= 1:
            return self
        return self._replace(
            packets=self.packets * sampling,
            bytes=self.bytes * sampling,
            reverse_packets=self.reverse_packets * sampling,
            reverse_bytes=self.reverse_bytes * sampling,
            sampling=sampling,
        )


def record_of(values: dict[str, int | bytes], exported: int, boot: int) -> Record | None:
    """`exported` and `boot` in ns since 1970: when the record was sent, when the exporter started. None: no flow."""
    source, destination = values.get("source"), values.get("destination")
    if not isinstance(source, bytes) or not isinstance(destination, bytes) or len(source) != len(destination):
        return None
    number = {name: value for name, value in values.items() if isinstance(value, int)}
    start, end = _time("start", number, boot), _time("end", number, boot)
    end = end or (start + number.get("duration_ms", 0) * 1_000_000 if start else exported)
    return Record(
        source,
        destination,
        number.get("protocol", 0) & 0xFF,
        number.get("source_port", 0) & 0xFFFF,
        number.get("destination_port", 0) & 0xFFFF,
        min(start or end, end),
        end,
        number.get("packets", 0),
        number.get("bytes", 0),
        number.get("flags", 0) & 0xFF,
        number.get("end_reason", 0),
        number.get("reverse_packets", 0),
        number.get("reverse_bytes", 0),
        number.get("reverse_flags", 0) & 0xFF,
        action=_action(number),
    )


def sampling_of(values: dict[str, int | bytes]) -> int:
    """How many packets there are to one that was looked at, as the elements state it (RFC 5477, section 8.2); 0 when
    they do not."""
    sampled, passed_over = values.get("sampled"), values.get("passed_over")
    if isinstance(sampled, int) and isinstance(passed_over, int) and sampled:
        return (sampled + passed_over) // sampled
    stated = values.get("sampling")
    return stated if isinstance(stated, int) and stated < _MOST_SAMPLING else 0


def _action(number: dict[str, int]) -> str:
    """By firewallEvent (RFC 8158's registry: 3 denied) or forwardingStatus (RFC 7270, section 4.12)."""
    if "firewall_event" in number:
        return "deny" if number["firewall_event"] == 3 else "accept"
    status = number.get("forwarding", 0)
    return {1: "accept", 2: "drop", 3: "accept"}.get((status & 0xFF) >> 6, "")


def _time(what: str, number: dict[str, int], boot: int) -> int:
    """0 where it is not stated."""
    for unit, factor in (("ms", 1_000_000), ("s", 1_000_000_000)):
        if f"{what}_{unit}" in number:
            return number[f"{what}_{unit}"] * factor
    for unit in ("us", "ns"):  # NTP's 32.32 fixed point (RFC 7011, section 6.1.9)
        if f"{what}_{unit}" in number:
            ntp = number[f"{what}_{unit}"]
            return ((ntp >> 32) - _NTP_TO_UNIX) * 1_000_000_000 + ((ntp & 0xFFFFFFFF) * 1_000_000_000 >> 32)
    if f"{what}_up" in number:
        boot = number["boot_ms"] * 1_000_000 if "boot_ms" in number else boot
        return boot + number[f"{what}_up"] * 1_000_000
    return 0
