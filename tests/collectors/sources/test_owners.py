"""Whose connection it is, told from tracepoint records."""

import socket
import struct

from collectors.sources.owners import LISTEN, SYN_SENT, TCP, UDP, Owners
from collectors.sources.perf import RECORD_SAMPLE, Record
from collectors.sources.tracefs import Tracepoint

STATE = Tracepoint(1, {"skaddr": 0, "sport": 16, "saddr_v6": 20, "daddr_v6": 36})
ROUTE = Tracepoint(2, {"proto": 0, "src": 1, "dst": 5, "sport": 9})
HERE, THERE = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")
PORTS = struct.pack(">HH", 40_000, 443)
CLOSE, ESTABLISHED = 7, 1


def mapped(address: bytes) -> bytes:
    return bytes(10) + b"\xff\xff" + address


def state(owners: Owners, pid: int, old: int, new: int, *, near: int = 40_000, sock: int = 0xABC) -> None:
    raw = struct.pack("=QiiHH", sock, old, new, near, 443) + mapped(HERE) + mapped(THERE)
    owners.tcp_reader(STATE)(Record(1, RECORD_SAMPLE, pid, pid, 0, raw))


def routed(owners: Owners, pid: int, near: int, far: int, protocol: int = UDP) -> None:
    raw = bytes([protocol]) + HERE + THERE + struct.pack("=HH", near, far)
    owners.route_reader(ROUTE, 4)(Record(1, RECORD_SAMPLE, pid, pid, 0, raw))


def test_the_process_that_asked_owns_the_connection_whoever_ran_when_the_answer_came() -> None:
    owners = Owners()
    state(owners, 77, CLOSE, SYN_SENT, near=0)
    state(owners, 1, SYN_SENT, ESTABLISHED)
    assert owners.opener(TCP, HERE, THERE, PORTS).pid == 77


def test_an_opening_that_is_not_answered_yet_is_known_when_only_one_process_asks_there() -> None:
    owners = Owners()
    state(owners, 77, CLOSE, SYN_SENT, near=0)
    assert owners.opener(TCP, HERE, THERE, PORTS).pid == 77
    state(owners, 78, CLOSE, SYN_SENT, near=0, sock=0xDEF)
    assert owners.opener(TCP, HERE, THERE, PORTS).pid == 0


def test_an_opening_whose_route_was_asked_for_belongs_to_who_asked_from_this_address() -> None:
    owners = Owners()
    routed(owners, 55, 40_000, 443, TCP)
    assert owners.opener(TCP, HERE, THERE, PORTS).pid == 55
    assert owners.opener(TCP, THERE, THERE, PORTS).pid == 0
    assert owners.opener(UDP, HERE, THERE, PORTS).pid == 0


def test_the_listener_owns_what_is_opened_to_it() -> None:
    owners = Owners()
    state(owners, 99, CLOSE, LISTEN, near=443)
    assert owners.answerer(TCP, HERE, PORTS).pid == 99
    assert owners.answerer(TCP, HERE, PORTS[2:] + PORTS[:2]).pid == 0


def test_a_datagram_belongs_to_its_sender_and_an_answer_to_who_sent_it() -> None:
    owners = Owners()
    routed(owners, 55, 40_000, 443)
    assert owners.opener(UDP, HERE, THERE, PORTS).pid == 55
    assert owners.answerer(UDP, THERE, PORTS[2:] + PORTS[:2]).pid == 55
    routed(owners, 56, 0, 53)
    assert owners.opener(UDP, HERE, THERE, struct.pack(">HH", 0, 53)).pid == 0
