"""Connections from successive lists of sockets."""

from collectors.sources.socket_watch import LISTEN, LONG, SYN_SENT, TIME_WAIT, Sock, SocketWatch, flow_fields
from collectors.sources.who import NOBODY

ESTABLISHED = 1
US, THEM = "192.0.2.1", "198.51.100.7"


def sock(state: int = ESTABLISHED, port: int = 40000, remote_port: int = 443, **more: int) -> Sock:
    return Sock(2, state, US, port, THEM, remote_port, 0, 0, b"", **more)


def listener(port: int) -> Sock:
    return Sock(2, LISTEN, "0.0.0.0", port, "0.0.0.0", 0, 0, 0, b"")


def watch(*lists: tuple[float, list[Sock]]) -> list[dict[str, object]]:
    watching = SocketWatch()
    watching.look(0.0, [], lambda _: NOBODY)
    return [
        flow_fields(pair, connection, now)
        for now, found in lists
        for pair, connection in watching.look(now, found, lambda _: NOBODY)
    ]


def test_a_connection_is_told_once_when_it_is_gone_with_its_last_counts() -> None:
    (flow,) = watch(
        (1.0, [sock(packets_out=3, bytes_out=100)]), (2.0, [sock(packets_out=9, bytes_out=900)]), (3.0, []), (4.0, [])
    )
    assert (flow["SourceIp"], flow["DestinationIp"], flow["Initiated"]) == (US, THEM, "true")
    assert (flow["PacketsOut"], flow["BytesOut"], flow["EndReason"]) == (9, 900, "fin")


def test_one_that_is_first_seen_in_time_wait_is_told_once_without_counts() -> None:
    (flow,) = watch((1.0, [sock(TIME_WAIT)]), (2.0, [sock(TIME_WAIT)]), (60.0, []))
    assert flow["BytesOut"] is None


def test_ports_used_again_are_a_new_connection() -> None:
    flows = watch((1.0, [sock(TIME_WAIT)]), (2.0, [sock(packets_out=1)]), (3.0, []))
    assert len(flows) == 2


def test_a_connection_to_a_listening_port_was_opened_by_the_other_side() -> None:
    (flow,) = watch((1.0, [listener(22), sock(port=22, remote_port=51000, packets_in=4, bytes_in=400)]), (2.0, []))
    assert (flow["SourceIp"], flow["SourcePort"], flow["DestinationPort"], flow["Initiated"]) == (
        THEM,
        51000,
        22,
        "false",
    )
    assert flow["BytesOut"] == 400, "Out counts from the side that opened it"


def test_an_opening_without_answer_is_no_answer_and_a_quick_refusal_is_rejected() -> None:
    (slow,) = watch((1.0, [sock(SYN_SENT)]), (30.0, [sock(SYN_SENT)]), (31.0, []))
    (quick,) = watch((1.0, [sock(SYN_SENT)]), (1.5, []))
    assert (slow["ConnectionState"], quick["ConnectionState"]) == ("no_answer", "rejected")


def test_a_long_connection_is_told_once_while_it_is_open_and_again_at_its_end() -> None:
    now = LONG + 1
    flows = watch((1.0, [sock()]), (now, [sock()]), (now + 1, [sock()]), (now + 2, []))
    assert [flow["EndReason"] for flow in flows] == ["open", "fin"]


def test_connections_that_were_closing_before_the_agent_came_are_not_told() -> None:
    watching = SocketWatch()
    watching.look(0.0, [sock(TIME_WAIT)], lambda _: NOBODY)
    assert watching.look(1.0, [sock(TIME_WAIT)], lambda _: NOBODY) == []
    assert watching.look(2.0, [], lambda _: NOBODY) == []
