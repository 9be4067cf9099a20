"""Flows out of packets, as dialogues."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows.packet import ICMP, TCP, UDP, Packet, decode
from collectors.flows.table import Flow, FlowTable, Timeouts
from tests.collectors.flows import wire
from tests.collectors.flows.wire import ACK, FIN, NS, RST, SYN, A, B


def _packet(frame: bytes) -> Packet:
    packet = decode(101, frame)
    assert isinstance(packet, Packet)
    return packet


def _tcp(source: str, ports: tuple[int, int], flags: int, payload: bytes = b"") -> Packet:
    return _packet(wire.ipv4(source, B if source == A else A, TCP, wire.tcp(*ports, flags, payload)))


OUT, BACK = (40000, 443), (443, 40000)


def _flows(packets: list[tuple[float, Packet]], timeouts: Timeouts | None = None) -> list[Flow]:
    table = FlowTable(timeouts)
    flows: list[Flow] = []
    for seconds, packet in packets:
        flows += table.add(packet, int(seconds * NS))
    return [*flows, *table.close()]


def _dialogue(*steps: tuple[str, int]) -> list[tuple[float, Packet]]:
    return [
        (float(n), _tcp(A if side == ">" else B, OUT if side == ">" else BACK, flags))
        for n, (side, flags) in enumerate(steps)
    ]


HANDSHAKE = ((">", SYN), ("<", SYN | ACK), (">", ACK))


def _one(*steps: tuple[str, int]) -> tuple[str, str]:
    flows = _flows(_dialogue(*steps))
    assert len(flows) == 1
    assert flows[0].source_port == 40000
    return flows[0].connection_state, flows[0].end_reason


def test_a_whole_conversation_is_one_established_flow_that_ends_by_fin() -> None:
    flows = _flows(_dialogue(*HANDSHAKE, (">", FIN | ACK), ("<", FIN | ACK), (">", ACK)))
    flow = flows[0]
    assert (len(flows), flow.connection_state, flow.end_reason) == (1, "established", "fin")
    assert (flow.packets_out, flow.packets_in, flow.bytes_out, flow.bytes_in) == (4, 2, 160, 80)
    assert (flow.start, flow.end) == (0, 5 * NS)


def test_each_ending_has_its_own_name() -> None:
    assert _one((">", SYN)) == ("no_answer", "open")
    assert _one((">", SYN), ("<", RST | ACK)) == ("rejected", "rst")
    assert _one(*HANDSHAKE) == ("established", "open")
    assert _one(*HANDSHAKE, ("<", RST)) == ("reset", "rst")
    assert _one(*HANDSHAKE, ("<", FIN | ACK), (">", RST)) == ("established", "rst")
    assert _one((">", SYN), ("<", SYN | ACK), (">", RST)) == ("reset", "rst")


def test_the_opener_is_the_source_also_when_the_answer_is_seen_first() -> None:
    assert _one(("<", SYN | ACK), (">", ACK)) == ("established", "open")
    assert _one(("<", ACK), (">", ACK)) == ("established", "open")


@pytest.mark.parametrize(
    ("ports", "client"), [((443, 50000), 50000), ((8443, 50000), 50000), ((443, 8443), 8443), ((50000, 8443), 50000)]
)
def test_where_no_opening_was_seen_the_client_is_the_one_on_the_clients_port(
    ports: tuple[int, int], client: int
) -> None:
    assert [flow.source_port for flow in _flows([(1.0, _tcp(A, ports, ACK))])] == [client]


def test_a_new_opening_after_the_end_is_a_new_flow() -> None:
    closed = [*HANDSHAKE, (">", FIN | ACK), ("<", FIN | ACK), (">", ACK)]
    flows = _flows(_dialogue(*closed, *closed))
    assert [flow.packets_out for flow in flows] == [4, 4]


def test_silence_ends_a_flow_after_the_stated_time() -> None:
    table = FlowTable(Timeouts(udp_unanswered=30))
    probe = _packet(wire.ipv4(A, B, UDP, wire.udp(5000, 53)))
    other = _packet(wire.ipv4(B, "203.0.113.5", UDP, wire.udp(1, 2)))
    assert table.add(probe, 0) == []
    assert table.add(other, 29 * NS) == []
    ended = table.add(other, 36 * NS)
    assert [(flow.end_reason, flow.connection_state) for flow in ended] == [("timeout", "no_answer")]


def test_udp_is_established_once_answered_and_rejected_when_icmp_says_so() -> None:
    ask, answer = wire.ipv4(A, B, UDP, wire.udp(5000, 53)), wire.ipv4(B, A, UDP, wire.udp(53, 5000))
    assert [f.connection_state for f in _flows([(0, _packet(ask)), (1, _packet(answer))])] == ["established"]
    table = FlowTable()
    table.add(_packet(ask), 0)
    table.refuse(_packet(ask))
    assert [flow.connection_state for flow in table.close()] == ["rejected"]


def test_a_ping_and_its_answer_are_one_flow() -> None:
    ask, answer = wire.ipv4(A, B, ICMP, wire.icmp(8, 0)), wire.ipv4(B, A, ICMP, wire.icmp(0, 0))
    for packets in ([ask, answer], [answer, ask]):
        flows = _flows([(n, _packet(frame)) for n, frame in enumerate(packets)])
        assert [(f.packets_out, f.packets_in, f.connection_state) for f in flows] == [(1, 1, "established")]


def test_fragments_are_counted_to_the_flow_of_their_first() -> None:
    first = wire.ipv4(A, B, UDP, wire.udp(5000, 53, b"x" * 16), ident=9, fragment=0x2000)
    later = wire.ipv4(A, B, UDP, b"y" * 100, ident=9, fragment=3)
    for packets in ([first, later], [later, first]):
        flows = _flows([(0, _packet(frame)) for frame in packets])
        counted = [(flow.destination_port, flow.packets_out, flow.bytes_out) for flow in flows]
        assert counted == [(53, 2, len(first) + len(later))]


def test_a_fragment_whose_first_never_comes_is_counted_without_ports() -> None:
    later = wire.ipv4(A, B, UDP, b"y" * 100, ident=9, fragment=3)
    flows = _flows([(0, _packet(later)), (40, _packet(wire.ipv4(B, A, UDP, wire.udp(1, 2))))])
    assert [(flow.source_port, flow.packets_out) for flow in flows] == [(0, 1), (1, 1)]


def test_a_first_fragment_is_not_remembered_for_a_later_packet_of_the_same_number() -> None:
    first = wire.ipv4(A, B, UDP, wire.udp(5000, 53, b"x" * 16), ident=9, fragment=0x2000)
    later = wire.ipv4(A, B, UDP, b"y" * 100, ident=9, fragment=3)
    flows = _flows([(0, _packet(first)), (31, _packet(later)), (100, _packet(wire.ipv4(B, A, UDP, wire.udp(1, 2))))])
    assert sorted(flow.destination_port for flow in flows) == [0, 2, 53]


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=30))
def test_other_traffic_never_decides_where_a_flow_ends(steps: list[tuple[int, bool]]) -> None:
    ask, other = wire.ipv4(A, B, UDP, wire.udp(5000, 53)), wire.ipv4(B, "203.0.113.5", UDP, wire.udp(1, 2))
    now, alone, among = 0.0, [], []
    for step, ours in steps:
        now += step
        among.append((now, _packet(ask if ours else other)))
        alone += [among[-1]] if ours else []
    mine = [flow.packets_out for flow in _flows(among) if flow.source_port == 5000]
    assert mine == [flow.packets_out for flow in _flows(alone)]


def test_a_packet_after_the_silence_begins_another_flow_also_before_the_table_was_swept() -> None:
    ask, other = wire.ipv4(A, B, UDP, wire.udp(5000, 53)), wire.ipv4(B, "203.0.113.5", UDP, wire.udp(1, 2))
    flows = _flows([(0, _packet(ask)), (30, _packet(other)), (33, _packet(ask))])
    assert [flow.packets_out for flow in flows if flow.source_port == 5000] == [1, 1]


def test_an_opening_with_another_number_is_another_connection_and_a_repeated_one_is_not() -> None:
    def opening(sequence: int) -> Packet:
        return _tcp(A, OUT, SYN)._replace(sequence=sequence)

    assert len(_flows([(0, opening(1)), (1, opening(1))])) == 1
    flows = _flows([(0, opening(1)), (1, opening(2))])
    assert [flow.end_reason for flow in flows] == ["reused", "open"]


def test_an_opening_after_a_conversation_seen_from_its_middle_is_a_new_flow() -> None:
    assert len(_flows(_dialogue((">", ACK), ("<", ACK), (">", SYN)))) == 2
    assert len(_flows(_dialogue(("<", SYN | ACK), (">", SYN), (">", ACK)))) == 1  # only out of order


def test_one_silence_may_be_stated_for_all_flows() -> None:
    assert Timeouts.of(7) == Timeouts(7, 7, 5, 7, 7, 7)
    assert Timeouts.of(2).closed == 2


def test_beyond_its_capacity_the_table_ends_the_longest_silent_flows_and_counts_them() -> None:
    table = FlowTable(capacity=10)
    ended = []
    for port in range(11):
        ended += table.add(_tcp(A, (port + 1, 443), SYN), port)
    assert [flow.source_port for flow in ended] == [1]
    assert (table.evicted, len(table)) == (1, 10)


_ADDRESSES = st.sampled_from([A, B])


@given(
    st.lists(
        st.tuples(_ADDRESSES, st.sampled_from([1, 80, 5000]), st.sampled_from([1, 80, 5000]), st.integers(0, 31)),
        max_size=60,
    ),
    st.lists(st.integers(-5, 100), min_size=60, max_size=60),
)
def test_every_packet_and_byte_is_in_exactly_one_flow(
    packets: list[tuple[str, int, int, int]], steps: list[int]
) -> None:
    table, flows, now, total = FlowTable(capacity=5), [], 0, 0
    for (source, sport, dport, flags), step in zip(packets, steps, strict=False):
        now = max(0, now + step * NS)
        packet = _tcp(source, (sport, dport), flags, b"x" * step if step > 0 else b"")
        total += packet.length
        flows += table.add(packet, now)
    flows += table.close()
    assert sum(flow.packets_out + flow.packets_in for flow in flows) == len(packets)
    assert sum(flow.bytes_out + flow.bytes_in for flow in flows) == total
    assert all(flow.start <= flow.end for flow in flows)
