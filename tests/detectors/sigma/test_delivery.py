"""Which rules are blind, and what is said about them."""

from collections import Counter

import pytest

from detectors.sigma.delivery import DELIVERED, why_blind
from detectors.sigma.route import class_of, complete
from jikimi.domain.event import Event
from jikimi.domain.logsource import EXPORTED_FLOW, NETWORK_FLOW, LogSource
from tests.detectors.sigma.conftest import Loaded


@pytest.mark.parametrize(
    "source",
    [
        LogSource(),
        LogSource(product="windows", service="security"),
        LogSource("windows", "process_creation"),
        LogSource("macos", "process_creation"),
        LogSource("macos", "file_event"),
        LogSource(product="linux"),
        LogSource(product="linux", service="auditd"),
        LogSource(category="webserver"),
        LogSource(service="nginx"),
        LogSource(product="zeek", service="dns"),
        LogSource("kubernetes", "application", "audit"),
    ],
    ids=str,
)
def test_a_log_source_that_an_input_brings_is_not_blind(source: LogSource) -> None:
    assert why_blind(source) is None


@pytest.mark.parametrize(
    "source",
    [
        LogSource(product="aws", service="cloudtrail"),
        LogSource(product="macos", service="unified"),
        LogSource(product="nosuch"),
    ],
    ids=str,
)
def test_a_blind_rule_is_told_how_its_events_could_be_read(source: LogSource) -> None:
    stated = str(source).replace(" ", ",")
    assert f"--logsource {stated}" in (why_blind(source) or "")


@pytest.mark.parametrize(
    "entry",
    [e for e in DELIVERED if e.product not in (None, "windows", "jikimi")],
    ids=lambda e: f"{e.product}: {e.by}",
)
def test_what_is_delivered_is_seen_by_the_rules_on_it(entry: tuple[str, frozenset[str], frozenset[str], str]) -> None:
    product, categories, services, _ = entry
    for service in services or [None]:
        for category in categories or [None]:
            stated = LogSource(product, category, service)
            assert class_of(stated, {}).is_all(stated)


@pytest.mark.parametrize(
    ("events", "rules"),
    [
        (LogSource(product="linux", service="sshd"), LogSource(product="linux", service="auth")),
        (LogSource(product="linux", service="cron"), LogSource(product="linux", service="syslog")),
        (LogSource(product="zeek", service="dns"), LogSource(category="dns")),
        (LogSource(product="zeek", service="http"), LogSource(category="proxy")),
        (LogSource(product="suricata", service="dns"), LogSource(category="dns")),
        (LogSource(product="suricata", service="http"), LogSource(category="proxy")),
        (LogSource(product="suricata", service="http"), LogSource(category="webserver")),
        (LogSource(product="suricata", service="alert"), LogSource(category="firewall")),
        (LogSource(product="suricata", service="flow"), LogSource(category="firewall")),
        (EXPORTED_FLOW, LogSource(category="firewall")),
        (EXPORTED_FLOW, LogSource("linux", "network_connection")),
        (LogSource("fortigate", None, "event"), LogSource(product="fortios", service="sslvpnd")),
        (LogSource(service="syslog"), LogSource(product="huawei", service="bgp")),
        (LogSource(service="syslog"), LogSource(product="linux")),
    ],
)
def test_events_are_seen_by_rules_that_call_them_otherwise(events: LogSource, rules: LogSource) -> None:
    assert class_of(events, {}).is_all(rules)
    assert not class_of(LogSource(product="other"), {}).is_all(rules)


def test_a_zeek_event_has_the_words_of_proxy_and_dns_rules() -> None:
    seen = complete(
        LogSource(product="zeek", service="http"), {"uri": "/a.exe", "user_agent": "x", "host": "example.com"}
    )
    assert (seen["c-uri"], seen["c-useragent"], seen["cs-host"]) == ("/a.exe", "x", "example.com")
    seen = complete(LogSource(product="zeek", service="dns"), {"qtype_name": "TXT", "answers": ["a"]})
    assert (seen["record_type"], seen["answer"]) == ("TXT", ["a"])


def test_a_flow_that_a_router_told_of_has_the_words_of_firewall_rules_and_the_agents_own_is_none() -> None:
    event: Event = {
        "SourceIp": "192.0.2.1",
        "SourcePort": 40000,
        "DestinationIp": "198.51.100.2",
        "DestinationPort": 23,
    }
    seen = complete(EXPORTED_FLOW, event)
    assert (seen["src_ip"], seen["src_port"], seen["dst_ip"], seen["dst_port"]) == tuple(event.values())
    assert not class_of(NETWORK_FLOW, event).is_all(LogSource(category="firewall"))


@pytest.mark.corpus
def test_the_public_rules_that_are_blind_are_those_of_vendors_clouds_and_macos(public_rules: Loaded) -> None:
    _, report = public_rules
    by_product = Counter(blind.logsource.split()[0].removeprefix("product=") for blind in report.blind)
    assert set(by_product) <= {
        "aws",
        "azure",
        "gcp",
        "github",
        "m365",
        "macos",
        "okta",
        "onelogin",
        "cisco",
        "paloalto",
    }
    assert (by_product["cisco"], by_product["paloalto"]) == (1, 1)  # Duo; files on the appliance itself
