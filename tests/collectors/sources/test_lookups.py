"""Names from packets: DNS questions with their answers, server names of TLS openings."""

import socket
import ssl
import struct

from hypothesis import given
from hypothesis import strategies as st

from collectors.flows.packet import TCP, UDP, Packet
from collectors.sources.client_hello import server_name
from collectors.sources.dns_answer import answer
from collectors.sources.feed import Feed
from collectors.sources.lookups import DNS, HTTPS, Lookups
from collectors.sources.names import Names
from collectors.sources.owners import Owners
from collectors.sources.who import Processes
from jikimi.domain.event import Event

HERE, SERVER, SITE = (socket.inet_aton(f"192.0.2.{n}") for n in (1, 53, 80))
PORTS = struct.pack(">HH", 40_000, HTTPS)


def question(name: str = "www.example.com") -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\0\0\x01\0\x01"


def answered(records: bytes = b"", count: int = 0, code: int = 0) -> bytes:
    asked = question()
    return asked[:2] + bytes((0x81, 0x80 | code)) + asked[4:6] + struct.pack(">H", count) + asked[8:] + records


def record(kind: int, data: bytes) -> bytes:
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data


CNAME = record(5, b"\x03cdn\xc0\x10")
FOUND = answered(CNAME + record(1, SITE) + record(28, bytes(15) + b"\x01"), 3)


def opening(name: str) -> bytes:
    """What this Python's TLS sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake without a server")


class Heard:
    """A lookup source fed by hand."""

    def __init__(self) -> None:
        self.names = Names()
        self.feed = Feed("names", "pc")
        self._source = Lookups(self.names, Owners(), Processes())

    def packet(
        self, payload: bytes, *, protocol: int = UDP, back: bool = False, port: int = DNS, at: float = 1.0
    ) -> None:
        ends = (SERVER, HERE, protocol, port, 40_000) if back else (HERE, SERVER, protocol, 40_000, port)
        self._source.packet(Packet(*ends, 0, len(payload), 0), payload, 1.0, self.feed)

    def late(self) -> None:
        self._source._tell_unanswered(self.feed)

    def events(self) -> list[Event]:
        return [observation.event for observation in self.feed.take(100)]


def test_an_answer_tells_name_type_status_and_results_of_its_question() -> None:
    heard = Heard()
    heard.packet(question())
    heard.packet(FOUND, back=True)
    (event,) = heard.events()
    assert (event["QueryName"], event["QueryType"], event["QueryStatus"]) == ("www.example.com", "A", "0")
    assert event["QueryResults"] == "type: 5 cdn.example.com;192.0.2.80;::1"
    assert (event["SourceIp"], event["DestinationIp"]) == ("192.0.2.1", "192.0.2.53")


def test_a_question_is_told_once_though_loopback_shows_every_packet_twice() -> None:
    heard = Heard()
    for _ in range(2):
        heard.packet(question())
    for _ in range(2):
        heard.packet(FOUND, back=True)
    assert len(heard.events()) == 1


def test_no_such_name_and_no_answer_have_the_status_sysmon_gives_them() -> None:
    heard = Heard()
    heard.packet(question())
    heard.packet(answered(code=3), back=True)
    heard.packet(question("lost.example.com"))
    heard.late()
    told = [(event["QueryName"], event["QueryStatus"], "QueryResults" in event) for event in heard.events()]
    assert told == [("www.example.com", "9003", False), ("lost.example.com", "1460", False)]


def test_dns_over_tcp_is_read_behind_its_length() -> None:
    heard = Heard()
    for message, back in ((question(), False), (FOUND, True)):
        heard.packet(struct.pack(">H", len(message)) + message, protocol=TCP, back=back)
    assert [event["QueryStatus"] for event in heard.events()] == ["0"]


def test_a_flow_is_named_by_its_tls_opening_else_by_the_last_dns_answer_with_its_address() -> None:
    heard = Heard()
    heard.packet(FOUND, back=True)
    assert heard.names.of(HERE, SITE, PORTS) == "www.example.com"
    heard.packet(opening("Shop.example.com"), protocol=TCP, port=HTTPS)
    assert heard.names.of(HERE, SERVER, PORTS) == "shop.example.com"
    assert heard.names.of(HERE, HERE, PORTS) == ""


def test_a_cut_opening_names_nothing_or_the_whole_name() -> None:
    whole = opening("www.example.com")
    assert {server_name(whole[:cut]) for cut in range(len(whole))} <= {"", "www.example.com"}
    assert server_name(whole) == "www.example.com"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(raw: bytes) -> None:
    server_name(b"\x16\x03\x01\x00\xff\x01" + raw)
    answer(b"\x12\x34\x81\x80\x00\x01\x00\x09\x00\x00\x00\x00" + raw)
    answer(FOUND[: len(raw)] + raw)
