"""Exported flows: datagrams made by hand, damaged ones, and those of a real exporter."""

import shutil
import socket
import struct
import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows.dissect import Seen, dissect
from collectors.flows.packet import ACK, FIN, RST, SYN, TCP, UDP
from collectors.flows.table import Flow, FlowTable
from collectors.network_devices import pairing as pairing_module
from collectors.network_devices.elements import Record
from collectors.network_devices.netflow import MOST_TEMPLATES, NetFlow
from collectors.network_devices.pairing import WAIT, Pairing
from tests.collectors.flows import wire
from tests.collectors.flows.wire import NS, A, B

R = "192.0.2.254"
BOOT = 1_800_000_000


def _v5(*records: bytes, uptime: int = 60_000) -> bytes:
    return struct.pack(">HHIIIIBBH", 5, len(records), uptime, BOOT + 60, 0, 1, 0, 0, 0) + b"".join(records)


def _v5_record(source: str = A, ports: tuple[int, int] = (40000, 443), first: int = 1000, flags: int = 0x1B) -> bytes:
    ends = ip_address(source).packed + ip_address(B if source == A else A).packed
    return ends + struct.pack(">4xHHIIIIHHxBBB8x", 1, 2, 10, 1500, first, first + 500, *ports, flags, TCP, 0)


def _set(number: int, body: bytes) -> bytes:
    return struct.pack(">HH", number, len(body) + 4) + body


FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 8), (152, 8), (153, 8)]
TEMPLATE = struct.pack(">HH", 256, len(FIELDS)) + b"".join(struct.pack(">HH", *field) for field in FIELDS)
DATA = ip_address(A).packed + ip_address(B).packed
DATA += struct.pack(">HHBBIQQQ", 40000, 443, TCP, 0x1B, 10, 1500, BOOT * 1000, BOOT * 1000 + 500)
EXPECTED = Record(
    ip_address(A).packed, ip_address(B).packed, TCP, 40000, 443, BOOT * NS, BOOT * NS + 500_000_000, 10, 1500, 0x1B
)


def _v9(*sets: bytes, domain: int = 7) -> bytes:
    return struct.pack(">HHIIII", 9, len(sets), 1000, BOOT, 1, domain) + b"".join(sets)


def _ipfix(*sets: bytes, domain: int = 7) -> bytes:
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body), BOOT, 1, domain) + body


def test_version_5_counts_times_from_the_exporters_start() -> None:
    records = NetFlow().records(_v5(_v5_record(), _v5_record(B, (443, 40000))), R)
    assert [(r.source_port, r.packets, r.bytes, r.flags) for r in records] == [
        (40000, 10, 1500, 27),
        (443, 10, 1500, 27),
    ]
    assert (records[0].start, records[0].end) == (BOOT * NS + NS, BOOT * NS + 1_500_000_000)


def test_version_5_whose_clock_ran_over_began_before_it() -> None:
    record = NetFlow().records(_v5(_v5_record(first=2**32 - 2000), uptime=3000), R)[0]
    assert record.start == (BOOT + 60) * NS - 5 * NS


@pytest.mark.parametrize(("message", "template_set"), [(_v9, 0), (_ipfix, 2)])
def test_records_are_read_by_the_template_of_their_exporter_and_domain(message, template_set: int) -> None:  # type: ignore[no-untyped-def]
    decoder = NetFlow()
    assert decoder.records(message(_set(template_set, TEMPLATE), _set(256, DATA * 2 + b"\0\0")), R) == [EXPECTED] * 2
    assert decoder.records(message(_set(256, DATA)), R) == [EXPECTED]
    assert decoder.records(message(_set(256, DATA)), "192.0.2.253") == []
    assert decoder.records(message(_set(256, DATA), domain=8), R) == []
    assert decoder.waiting.given_up(float("inf")) == {R: 1, "192.0.2.253": 1}
    assert decoder.malformed == 0


@pytest.mark.parametrize(("message", "template_set"), [(_v9, 0), (_ipfix, 2)])
def test_records_that_come_before_their_template_are_read_when_it_comes(message, template_set: int) -> None:  # type: ignore[no-untyped-def]
    decoder = NetFlow()
    assert decoder.records(message(_set(256, DATA)), R) == []
    assert decoder.records(message(_set(256, DATA * 2), _set(300, DATA)), R) == []
    assert decoder.records(message(_set(template_set, TEMPLATE)), "192.0.2.253") == []
    assert decoder.waiting.by_exporter() == {R: 3}
    assert decoder.records(message(_set(template_set, TEMPLATE), _set(256, DATA)), R) == [EXPECTED] * 4
    assert decoder.waiting.by_exporter() == {R: 1}
    assert decoder.records(message(_set(template_set, TEMPLATE)), R) == []


def test_a_waiting_set_that_is_not_what_its_template_says_is_counted_as_malformed() -> None:
    decoder = NetFlow()
    template = struct.pack(">HHHHHH", 256, 2, 82, 0xFFFF, 8, 4)
    assert decoder.records(_ipfix(_set(256, b"\xff\x00")), R) == []
    assert decoder.records(_ipfix(_set(2, template)), R) == []
    assert decoder.records(_ipfix(_set(256, b"\x09abcdefgh")), "192.0.2.253") == []
    assert decoder.records(_ipfix(_set(2, template)), "192.0.2.253") == []
    assert decoder.malformed == 1  # the first is shorter than any record: padding


def test_the_times_of_records_that_waited_are_those_of_their_own_datagram() -> None:
    described = b"".join(struct.pack(">HH", *field) for field in [(8, 4), (12, 4), (22, 4), (21, 4)])
    data = DATA[:8] + struct.pack(">II", 200, 700)
    decoder = NetFlow()
    assert decoder.records(_v9(_set(256, data)), R) == []
    later = struct.pack(">HHIIII", 9, 1, 90_000, BOOT + 89, 2, 7) + _set(0, struct.pack(">HH", 256, 4) + described)
    (record,) = decoder.records(later, R)
    assert (record.start, record.end) == (BOOT * NS - 800_000_000, BOOT * NS - 300_000_000)


def test_ipfix_fields_of_any_length_and_of_other_makers_are_stepped_over() -> None:
    fields = struct.pack(">HHHHIHH", 82, 0xFFFF, 0x8005, 3, 9999, 8, 4) + struct.pack(">HH", 12, 4)
    template = struct.pack(">HH", 300, 4) + fields
    data = b"\x05hello" + b"abc" + DATA[:8] + b"\xff\x01\x00" + b"x" * 256 + b"abc" + DATA[:8]
    records = NetFlow().records(_ipfix(_set(2, template), _set(300, data)), R)
    assert [(record.source, record.destination) for record in records] == [(DATA[:4], DATA[4:8])] * 2


def test_ipfix_counts_of_the_other_direction_make_one_flow() -> None:
    fields = [(8, 4), (12, 4), (2, 4), (1, 4)]
    described = b"".join(struct.pack(">HH", *field) for field in fields)
    described += struct.pack(">HHIHHI", 0x8002, 4, 29305, 0x8001, 4, 29305)
    data = DATA[:8] + struct.pack(">IIII", 3, 300, 2, 200)
    records = NetFlow().records(_ipfix(_set(2, struct.pack(">HH", 256, 6) + described), _set(256, data)), R)
    flow = next(Pairing().add(R, records[0], 0.0)).flow
    assert (flow.packets_out, flow.bytes_out, flow.packets_in, flow.bytes_in) == (3, 300, 2, 200)


def test_counts_of_a_sampled_packet_stand_for_all_that_were_not_looked_at() -> None:
    """NetFlow v5 in its header, v9 by an options record of the sampler that the flow names, IPFIX as packets passed."""
    v5 = struct.pack(">HHIIIIBBH", 5, 1, 60_000, BOOT + 60, 0, 1, 0, 0, 1 << 14 | 100) + _v5_record()
    options = struct.pack(">HHH", 300, 4, 8) + struct.pack(">HHHHHH", 1, 4, 48, 1, 50, 4)
    sampler = struct.pack(">IBI", 0, 3, 50)
    data = _set(256, DATA[:8] + struct.pack(">IIB", 7, 700, 3))
    described = b"".join(struct.pack(">HH", *field) for field in [(8, 4), (12, 4), (2, 4), (1, 4), (48, 1)])
    v9 = _v9(_set(1, options), _set(300, sampler), _set(0, struct.pack(">HH", 256, 5) + described), data)
    scoped = struct.pack(">HHH", 300, 3, 1) + struct.pack(">HHHHHH", 149, 4, 305, 4, 306, 4)
    of_all = struct.pack(">III", 7, 1, 9)
    ipfix = _ipfix(_set(3, scoped), _set(300, of_all), _set(2, TEMPLATE), _set(256, DATA))
    told = [NetFlow().records(datagram, R)[0] for datagram in (v5, v9, ipfix)]
    assert [(record.packets, record.bytes, record.sampling) for record in told] == [
        (10 * 100, 1500 * 100, 100),
        (7 * 50, 700 * 50, 50),
        (10 * 10, 1500 * 10, 10),
    ]


@pytest.mark.parametrize(
    ("element", "value", "action"),
    [(233, 3, "deny"), (233, 1, "accept"), (89, 0x40, "accept"), (89, 0x82, "drop"), (89, 0, "")],
)
def test_what_a_firewall_did_with_a_flow_is_kept(element: int, value: int, action: str) -> None:
    fields = b"".join(struct.pack(">HH", *field) for field in [(8, 4), (12, 4), (element, 1)])
    template = struct.pack(">HH", 256, 3) + fields
    records = NetFlow().records(_v9(_set(0, template), _set(256, DATA[:8] + bytes([value]))), R)
    assert [told.action for told in Pairing().add(R, records[0], 0.0)] == []
    pairing = Pairing()
    list(pairing.add(R, records[0], 0.0))
    assert [told.action for told in pairing.late(WAIT + 1)] == [action]


def test_a_set_that_is_damaged_costs_itself_only() -> None:
    decoder = NetFlow()
    broken = _set(2, struct.pack(">HHHH", 400, 1, 0x8005, 4))  # the number of its maker is missing
    assert decoder.records(_ipfix(_set(2, TEMPLATE), _set(256, DATA), broken, _set(256, DATA)), R) == [EXPECTED] * 2
    assert decoder.malformed == 1


@pytest.mark.parametrize("version", [5, 9, 10])
def test_datagrams_that_were_lost_on_the_way_are_counted_by_the_exporters_own_numbers(version: int) -> None:
    decoder = NetFlow()
    for number in [0, 1, 2, 5, 6, 4, 7]:
        two = _v5_record() * 2
        datagram = {
            5: struct.pack(">HHIIIIBBH", 5, 2, 60_000, BOOT, 0, number * 2, 0, 0, 0) + two,
            9: struct.pack(">HHIIII", 9, 2, 1000, BOOT, number, 7) + _set(0, TEMPLATE) + _set(256, DATA * 2),
            10: _ipfix(_set(2, TEMPLATE), _set(256, DATA * 2)),
        }[version]
        if version == 10:
            datagram = datagram[:8] + struct.pack(">I", number * 2) + datagram[12:]
        decoder.records(datagram, R)
    assert decoder.missing == (1 if version == 9 else 2)
    assert decoder.malformed == 0


def test_templates_are_bounded_and_the_oldest_is_forgotten() -> None:
    decoder = NetFlow()
    decoder.records(_ipfix(_set(2, TEMPLATE), domain=0), R)
    for domain in range(1, MOST_TEMPLATES + 1):
        decoder.records(_ipfix(_set(2, TEMPLATE), domain=domain), R)
    assert decoder.records(_ipfix(_set(256, DATA), domain=1), R) == [EXPECTED]
    assert decoder.records(_ipfix(_set(256, DATA), domain=0), R) == []


WHOLE = [
    _v5(_v5_record(), _v5_record()),
    _v9(_set(0, TEMPLATE), _set(256, DATA)),
    _ipfix(_set(2, TEMPLATE), _set(256, DATA)),
]


@given(
    st.lists(
        st.tuples(st.sampled_from(WHOLE), st.integers(0, 200), st.binary(max_size=6), st.integers(0, 200)), max_size=5
    )
)
def test_damaged_datagrams_give_records_and_counts_never_an_exception(
    damages: list[tuple[bytes, int, bytes, int]],
) -> None:
    decoder, pairing = NetFlow(), Pairing()
    for whole, place, junk, cut in damages:
        for record in decoder.records((whole[:place] + junk + whole[place + len(junk) :])[:cut], R):
            list(pairing.add(R, record, 0.0))


@given(st.sampled_from([b"\0\5", b"\0\x09", b"\0\x0a", b""]), st.binary(max_size=200))
def test_any_datagram_is_taken(version: bytes, rest: bytes) -> None:
    NetFlow().records(version + rest, R)


@pytest.mark.parametrize("whole", WHOLE)
def test_every_datagram_cut_short_is_counted(whole: bytes) -> None:
    for cut in range(len(whole)):
        decoder = NetFlow()
        decoder.records(whole[:cut], R)
        assert decoder.malformed >= 1 or cut in _BETWEEN_SETS[whole]


_BETWEEN_SETS = {WHOLE[0]: (), WHOLE[1]: (20, 20 + 4 + len(TEMPLATE)), WHOLE[2]: ()}


def _record(source: str, ports: tuple[int, int], start: int, flags: int = 0, protocol: int = TCP) -> Record:
    ends = (ip_address(source).packed, ip_address(B if source == A else A).packed)
    return Record(*ends, protocol, *ports, start * NS, (start + 1) * NS, 2, 100, flags)


def _paired(*records: Record) -> list[Flow]:
    pairing, flows = Pairing(), []
    for record in records:
        flows += [told.flow for told in pairing.add(R, record, 0.0)]
    return [*flows, *(told.flow for told in pairing.late(WAIT + 1))]


def test_both_directions_are_one_flow_from_the_side_that_began() -> None:
    out, back = _record(A, (443, 40000), 1), _record(B, (40000, 443), 2)
    for records in ((out, back), (back, out)):
        flow = _paired(*records)[0]
        assert (flow.source, flow.source_port, flow.packets_out, flow.packets_in) == (out.source, 443, 2, 2)


def test_of_directions_that_began_at_once_the_clients_is_the_openers() -> None:
    out, back = _record(A, (40000, 443), 1), _record(B, (443, 40000), 1)
    for records in ((out, back), (back, out)):
        assert [flow.source_port for flow in _paired(*records)] == [40000]


def test_beyond_its_bound_the_longest_waiting_direction_is_told_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing_module, "MOST", 2)
    waiting = Pairing()
    told = [one for port in (1001, 1002, 1003) for one in waiting.add(R, _record(A, (port, 443), 1), 0.0)]
    assert [one.flow.source_port for one in told] == [1001]


def test_a_direction_that_stays_alone_is_told_and_a_servers_is_the_answer() -> None:
    assert [(flow.source_port, flow.packets_out) for flow in _paired(_record(A, (40000, 443), 1))] == [(40000, 2)]
    assert [(flow.source_port, flow.packets_in) for flow in _paired(_record(A, (443, 40000), 1))] == [(40000, 2)]


@pytest.mark.parametrize(
    ("out", "back", "state", "reason"),
    [
        (SYN | ACK | FIN, SYN | ACK | FIN, "established", "fin"),
        (SYN, RST | ACK, "rejected", "rst"),
        (SYN | ACK | RST, SYN | ACK, "reset", "rst"),
        (SYN, None, "no_answer", "timeout"),
    ],
)
def test_the_flags_tell_how_it_went(out: int, back: int | None, state: str, reason: str) -> None:
    records = [_record(A, (40000, 443), 1, out)]
    if back is not None:
        records.append(_record(B, (443, 40000), 1, back))
    flows = _paired(*records)
    assert [(flow.connection_state, flow.end_reason) for flow in flows] == [(state, reason)]


CONVERSATION = [(0, SYN), (1, SYN | ACK), (0, ACK), (0, FIN | ACK), (1, FIN | ACK), (0, ACK)]


@pytest.mark.skipif(shutil.which("softflowd") is None, reason="softflowd is not installed")
@pytest.mark.parametrize("version", [["5"], ["9"], ["10"], ["10", "-b"]], ids=" ".join)
def test_what_a_real_exporter_tells_of_a_capture_are_the_captures_flows(tmp_path: Path, version: list[str]) -> None:
    path = tmp_path / "in.pcap"
    now, frames = 1_700_000_000, []
    for n in range(20):
        ends, ports, at = (A, f"198.51.100.{n + 1}"), (40000 + n, 443), (now - 60 + n) * NS
        for step, (back, flags) in enumerate(CONVERSATION):
            body = wire.tcp(ports[back], ports[1 - back], flags, b"x" * n)
            frames.append((at + step * NS // 100, wire.ethernet(wire.ipv4(ends[back], ends[1 - back], TCP, body))))
        frames.append((at + NS // 2, wire.ethernet(wire.ipv4(*ends, UDP, wire.udp(5000 + n, 53, b"?")))))
    path.write_bytes(wire.pcap(frames))
    assert _told(_exported(path, version, tmp_path)) == _told(_captured(path))


def _captured(path: Path) -> list[Flow]:
    table = FlowTable()
    with path.open("rb") as stream:
        flows = [flow for flow in dissect(stream, table, Seen(), pytest.fail) if isinstance(flow, Flow)]
    return [*flows, *table.close()]


def _exported(path: Path, version: list[str], scratch: Path) -> list[Flow]:
    decoder, pairing, flows = NetFlow(), Pairing(), []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(0.5)
        to = f"127.0.0.1:{collector.getsockname()[1]}"
        files = ["-p", str(scratch / "pid"), "-c", "none"]
        command = ["softflowd", "-r", str(path), "-n", to, "-v", *version, "-d", *files]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        while True:
            try:
                datagram = collector.recv(65535)
            except TimeoutError:
                break
            for record in decoder.records(datagram, R):
                flows += [told.flow for told in pairing.add(R, record, 0.0)]
    assert (decoder.malformed, decoder.missing, decoder.waiting.given_up(float("inf"))) == (0, 0, {})
    return [*flows, *(told.flow for told in pairing.late(WAIT + 1))]


def _told(flows: list[Flow]) -> list[tuple[object, ...]]:
    return sorted(
        (
            f.source,
            f.source_port,
            f.destination,
            f.destination_port,
            f.packets_out,
            f.packets_in,
            f.bytes_out,
            f.bytes_in,
        )
        for f in flows
    )
