"""Suricata's eve.json under the field names of Sigma's firewall, dns, proxy and webserver rules."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.suricata import MOST_FIELDS, eve_event
from jikimi.domain.event import TIMESTAMP, Event, event_time
from jikimi.domain.logsource import LogSource

HEAD = {
    "timestamp": "2026-11-22T19:00:00.123456+0900", "flow_id": 7, "src_ip": "192.0.2.5", "src_port": 40000,
    "dest_ip": "203.0.113.7", "dest_port": 80, "proto": "TCP",
}  # fmt: skip


def _event(kind: str, said: dict[str, Any], **more: object) -> Event:
    found = eve_event(HEAD | {"event_type": kind, kind: said} | more)
    assert found is not None
    assert found.logsource == LogSource(product="suricata", service=kind)
    return found.event


def test_an_alert_has_its_own_fields_and_a_firewalls() -> None:
    event = _event("alert", {"action": "allowed", "signature": "ET SCAN x", "severity": 1, "metadata": {"tag": ["a"]}})
    assert event[TIMESTAMP] == "2026-11-22T10:00:00.123456Z"
    assert [event[name] for name in ("src_ip", "dst_ip", "dst_port", "protocol", "action", "rule_name")] == [
        "192.0.2.5", "203.0.113.7", 80, "tcp", "accept", "ET SCAN x",
    ]  # fmt: skip
    assert (event["alert.severity"], event["alert.metadata.tag"]) == (1, ["a"])


@pytest.mark.parametrize(
    ("said", "action"),
    [
        ({"pkts_toserver": 3, "pkts_toclient": 2}, "accept"),
        ({"pkts_toserver": 3, "pkts_toclient": 0}, None),
        ({"pkts_toserver": 3, "pkts_toclient": 0, "action": "drop"}, "drop"),
    ],
)
def test_a_flow_was_let_through_where_both_sides_spoke_or_suricata_says_so(
    said: dict[str, Any], action: str | None
) -> None:
    event = _event("flow", {**said, "bytes_toserver": 300, "bytes_toclient": 200})
    assert (event.get("action"), event["bytes_out"], event["bytes_in"]) == (action, 300, 200)


@pytest.mark.parametrize(
    "said",
    [
        {"type": "answer", "rrname": "a.example.com", "rrtype": "TXT", "rdata": "x"},
        {"type": "answer", "rrname": "a.example.com", "rrtype": "TXT", "answers": [{"rrtype": "TXT", "rdata": "x"}]},
        {"type": "response", "queries": [{"rrname": "a.example.com.", "rrtype": "TXT"}], "answers": [{"rdata": "x"}]},
    ],
    ids=["version 1", "version 2", "version 3"],
)  # fmt: skip
def test_every_version_of_a_dns_record_has_sigmas_words(said: dict[str, Any]) -> None:
    event = _event("dns", said)
    assert [event[name] for name in ("query", "record_type", "answer", "SourceIp")] == [
        "a.example.com", "TXT", "x", "192.0.2.5",
    ]  # fmt: skip


def test_a_dns_answer_told_from_the_servers_side_names_the_client() -> None:
    event = _event("dns", {"rrname": "a.example.com"}, src_ip="203.0.113.53", src_port=53, dest_ip="192.0.2.5")
    assert event["SourceIp"] == "192.0.2.5"


def test_a_request_has_the_words_of_web_server_and_of_proxy_rules() -> None:
    event = _event("http", {"hostname": "www.example.com", "url": "/a.php?x=1", "http_user_agent": "curl/8",
                            "http_method": "GET", "status": 404, "length": 5, "http_refer": "-"})  # fmt: skip
    assert event["cs-uri-query"] == ["x=1", "/a.php?x=1"]
    assert [event[name] for name in ("c-uri", "cs-host", "cs-method", "sc-status", "c-ip")] == [
        "http://www.example.com/a.php?x=1", "www.example.com", "GET", 404, "192.0.2.5",
    ]  # fmt: skip
    assert event["c-useragent"] == event["cs-user-agent"] == "curl/8"


@pytest.mark.parametrize("kind", ["tls", "fileinfo", "anomaly", "stats"])
def test_what_no_category_of_sigma_knows_keeps_its_own_fields(kind: str) -> None:
    assert _event(kind, {"sni": "example.com", "deep": {"er": 1}})[f"{kind}.deep.er"] == 1


def test_statistics_without_end_are_bounded() -> None:
    assert len(_event("stats", {str(n): {str(m): 1 for m in range(50)} for n in range(100)})) <= MOST_FIELDS + 10


def test_objects_of_other_programs_are_not_suricatas() -> None:
    assert eve_event({"event_type": "login", "timestamp": "2026-11-22T10:00:00Z", "user": "kim"}) is None
    assert eve_event({"event_type": "alert", "timestamp": "2026-11-22T10:00:00Z", "alert": "text"}) is None


_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.text(max_size=8), st.floats(allow_nan=False)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    ["rrname", "rrtype", "rdata", "queries", "answers", "url", "hostname", "action", "pkts_toclient", "status", "a"]
)


@given(
    st.sampled_from(["alert", "drop", "flow", "netflow", "dns", "http", "tls", "stats"]),
    st.dictionaries(_NAMES, _JSON, max_size=6),
    st.dictionaries(st.sampled_from([*HEAD, "host", "app_proto", TIMESTAMP]), _JSON, max_size=5),
)
def test_any_values_become_an_event_that_can_be_written(kind: str, said: Any, head: dict[str, Any]) -> None:
    found = eve_event(HEAD | head | {"event_type": kind, kind: said})
    assert found is not None
    orjson.dumps(found.event)
    if found.event.get(TIMESTAMP) is not None and "timestamp" not in head and TIMESTAMP not in head:
        event_time(found.event)
