"""Frames and capture files made by hand, for tests."""

import struct
from ipaddress import ip_address

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
A, B = "192.0.2.10", "198.51.100.20"
A6, B6 = "2001:db8::10", "2001:db8::20"
NS = 1_000_000_000


def tcp(source: int, destination: int, flags: int, payload: bytes = b"", options: bytes = b"") -> bytes:
    offset = (20 + len(options)) // 4
    return struct.pack(">HHIIBBHHH", source, destination, 1, 1, offset << 4, flags, 1024, 0, 0) + options + payload


def udp(source: int, destination: int, payload: bytes = b"") -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def icmp(kind: int, code: int, rest: bytes = b"\x00\x07\x00\x01") -> bytes:
    return struct.pack(">BBH", kind, code, 0) + rest


def ipv4(
    source: str,
    destination: str,
    protocol: int,
    body: bytes,
    *,
    options: bytes = b"",
    ident: int = 7,
    fragment: int = 0,
) -> bytes:
    size = 20 + len(options)
    head = struct.pack(">BBHHHBBH", 0x40 | size // 4, 0, size + len(body), ident, fragment, 64, protocol, 0)
    return head + ip_address(source).packed + ip_address(destination).packed + options + body


def ipv6(source: str, destination: str, protocol: int, body: bytes, extensions: bytes = b"", first: int = 0) -> bytes:
    head = struct.pack(">IHBB", 0x60000000, len(extensions) + len(body), first or protocol, 64)
    return head + ip_address(source).packed + ip_address(destination).packed + extensions + body


def ethernet(packet: bytes, kind: int | None = None) -> bytes:
    if kind is None:
        kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return bytes(12) + struct.pack(">H", kind) + packet


def pcap(
    frames: list[tuple[int, bytes]], *, order: str = "<", nanoseconds: bool = False, link: int = 1, snap: int = 65535
) -> bytes:
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)
    for time, frame in frames:
        fraction = time % NS if nanoseconds else time % NS // 1000
        kept = frame[:snap]
        out += struct.pack(order + "IIII", time // NS, fraction, len(kept), len(frame)) + kept
    return out


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(frames: list[tuple[int, bytes]], *, order: str = "<", link: int = 1, per_second: int = 9) -> bytes:
    """`per_second` is the exponent of 10 of the interface's clock."""
    out = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    options = struct.pack(order + "HHB3xHH", 9, 1, per_second, 0, 0)
    out += block(1, struct.pack(order + "HHI", link, 0, 65535) + options, order)
    for time, frame in frames:
        ticks = time // 10 ** (9 - per_second)
        head = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        out += block(6, head + frame, order)
    return out
