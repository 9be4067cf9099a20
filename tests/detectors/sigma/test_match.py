"""The compiled rule set: routing, keywords of a class, quarantine, and its equality with the plain evaluator."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from detectors.sigma import reference
from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from detectors.sigma.rule import Rule
from detectors.sigma.tree import (
    ANY,
    ONE,
    All,
    AnyOf,
    Cidr,
    Compare,
    Exists,
    FieldRef,
    Node,
    Not,
    Null,
    Regex,
    Text,
)
from jikimi.domain.event import Event, block_of, canonical
from jikimi.domain.logsource import FILE_ACCESS, MALWARE_SCAN, NETWORK_FLOW, LogSource
from jikimi.testing.corpus import corpus_root
from tests.detectors.sigma.conftest import Load

WINDOWS = LogSource(product="windows")
SYSMON = "Microsoft-Windows-Sysmon/Operational"


def rule(condition: Node, logsource: LogSource = LogSource(), name: str = "r") -> Rule:  # noqa: B008 - frozen
    return Rule(
        id=name, title=name, level="low", tags=(), logsource=logsource, version="1", file="", condition=condition
    )


def contains(field: str, text: str) -> Text:
    return Text(field, (ANY, text, ANY))


ROUTES: list[tuple[str, LogSource, LogSource, Event, bool]] = [
    ("a category by channel and id", LogSource("windows", "process_creation"), WINDOWS, {"EventID": 1}, True),
    ("an id as text", LogSource("windows", "process_creation"), WINDOWS, {"EventID": "1"}, True),
    ("another id", LogSource("windows", "process_creation"), WINDOWS, {"EventID": 3}, False),
    ("a service by channel", LogSource("windows", None, "sysmon"), WINDOWS, {"EventID": 99}, True),
    ("another service", LogSource("windows", None, "security"), WINDOWS, {"EventID": 1}, False),
    ("product only", LogSource("windows"), WINDOWS, {"EventID": 1}, True),
    ("nothing stated", LogSource(), WINDOWS, {"EventID": 1}, True),
    ("another product", LogSource("linux", "process_creation"), WINDOWS, {"EventID": 1}, False),
    ("without stated product", LogSource(None, "process_creation"), WINDOWS, {"EventID": 1}, True),
]


@pytest.mark.parametrize(
    ("stated", "given_source", "event", "expected"), [r[1:] for r in ROUTES], ids=[r[0] for r in ROUTES]
)
def test_a_windows_event_reaches_the_rules_of_its_channel_and_id(
    stated: LogSource, given_source: LogSource, event: Event, expected: bool
) -> None:
    rules = RuleSet([rule(Exists("EventID"), stated)])
    assert bool(rules.match(given_source, [{"Channel": SYSMON, **event}])) is expected


@pytest.mark.parametrize(("wanted", "seen", "expected"), [("4625", 4625, 1), ("4625", "4625", 1), ("4625", 4624, 0)])
def test_what_the_class_knows_is_compared_like_any_field(wanted: str, seen: int | str, expected: int) -> None:
    rules = RuleSet([rule(Text("EventID", (wanted,)), LogSource("windows", None, "security"))])
    assert len(rules.match(WINDOWS, [{"Channel": "Security", "EventID": seen}])) == expected
    assert len(rules.match(WINDOWS, [{"Channel": "Security", "EventID": 1}])) == 0


def test_a_negated_event_id_holds_for_the_others() -> None:
    rules = RuleSet([rule(All((Exists("EventID"), Not(Text("EventID", ("4625",))))))])
    assert [m.index for m in rules.match(WINDOWS, [{"Channel": "Security", "EventID": n} for n in (4624, 4625)])] == [0]


def test_the_channel_of_a_cleared_logs_record_is_the_cleared_one_and_its_own_tells_the_log_source() -> None:
    asked = Text("Channel", ("Windows PowerShell",))
    record: Event = {"Channel": "System", "EventID": 104, "UserData_Channel": "windows powershell"}
    rules = RuleSet(
        [
            rule(asked, LogSource("windows", None, "system"), "cleared"),
            rule(Not(asked), LogSource("windows", None, "system"), "another cleared"),
            rule(asked, LogSource("windows", None, "powershell-classic"), "of another service"),
        ]
    )
    others: list[Event] = [{**record, "UserData_Channel": "Application"}, {"Channel": "System", "EventID": 104}]
    found = [(match.index, match.rule.id) for match in rules.match(WINDOWS, [record, *others])]
    assert found == [(0, "cleared"), (1, "another cleared"), (2, "another cleared")]
    assert all(reference.holds(rules.by_id[name], WINDOWS, [record, *others][index]) for index, name in found)


def test_a_security_process_creation_is_seen_with_sigma_names() -> None:
    rules = RuleSet([rule(Text("Image", (ANY, "\\cmd.exe")), LogSource("windows", "process_creation"))])
    event = {"Channel": "security", "EventID": 4688, "NewProcessName": "C:\\Windows\\System32\\cmd.exe"}
    assert rules.match(WINDOWS, [event])


def test_a_log_source_that_travels_with_the_events_is_compared_part_by_part() -> None:
    stated = [LogSource("linux"), LogSource("linux", None, "auditd"), LogSource("linux", None, "sshd")]
    rules = RuleSet([rule(Exists("x"), source, str(source)) for source in stated])
    found = rules.match(LogSource("linux", None, "auditd"), [{"x": 1}])
    assert [match.rule.id for match in found] == ["product=linux", "product=linux service=auditd"]


def test_a_flow_is_also_a_network_connection() -> None:
    rules = RuleSet([rule(Text("DestinationPort", ("4444",)), LogSource("linux", "network_connection"))])
    assert rules.match(NETWORK_FLOW, [{"DestinationPort": 4444}])
    assert rules.match(NETWORK_FLOW, [{"DestinationPort": 4444, "Image": "/usr/bin/nc"}])
    assert not rules.match(NETWORK_FLOW, [{"DestinationPort": 4444, "Image": "C:\\nc.exe"}])


def test_a_flow_whose_process_is_unknown_is_not_judged_by_a_rule_about_processes() -> None:
    tree = All((Text("DestinationPort", ("88",)), Not(Text("Image", (ANY, "\\lsass.exe")))))
    rules = RuleSet([rule(tree, LogSource("windows", "network_connection"))])
    assert not rules.match(NETWORK_FLOW, [{"DestinationPort": 88}])


def test_a_created_file_is_a_file_event_of_the_system_its_path_is_of() -> None:
    rules = RuleSet([rule(Exists("TargetFilename"), LogSource("linux", "file_event"))])
    assert rules.match(FILE_ACCESS, [{"Action": "create", "TargetFilename": "/etc/cron.d/x"}])
    assert not rules.match(FILE_ACCESS, [{"Action": "read", "TargetFilename": "/etc/cron.d/x"}])
    assert not rules.match(FILE_ACCESS, [{"Action": "create", "TargetFilename": "C:\\x"}])


def test_a_malware_scan_is_also_antivirus() -> None:
    rules = RuleSet([rule(Text("Filename", (ANY, ".exe")), LogSource(None, "antivirus"))])
    assert rules.match(MALWARE_SCAN, [{"TargetFilename": "/tmp/a.exe", "Signature": "Test"}])


def test_the_field_name_of_a_rule_is_found_under_both_spellings_of_defender() -> None:
    rules = RuleSet([rule(contains("Threat Name", "Trojan")), rule(contains("ThreatName", "Trojan"), name="s")])
    assert len(rules.match(WINDOWS, [{"Threat Name": "Trojan:Win32"}])) == 2


def test_matches_come_by_event_and_then_in_the_order_of_the_rules() -> None:
    rules = RuleSet([rule(contains("F", text), name=text) for text in ("b", "a")])
    found = rules.match(LogSource(), [{"F": "ab"}, {"F": "x"}, {"F": "a"}])
    assert [(match.index, match.rule.id) for match in found] == [(0, "b"), (0, "a"), (2, "a")]


def test_a_rule_that_throws_is_set_aside_and_the_others_go_on() -> None:
    rules = RuleSet([rule(contains("F", "a"), name="bad"), rule(contains("F", "a"), name="good")])
    rules.match(LogSource(), [{"F": "x"}])
    program = next(iter(rules._programs.values()))

    def broken(*_: Any) -> bool:
        raise RecursionError("too deep")

    program._holds[0] = broken
    found = rules.match(LogSource(), [{"F": "a"}, {"F": "a"}])
    assert [match.rule.id for match in found] == ["good", "good"]
    assert rules.quarantined == {"bad": "RecursionError: too deep"}


def test_values_no_rule_expects_do_not_stop_the_others() -> None:
    rules = RuleSet([rule(contains("F", "a"))])
    odd: list[Event] = [
        {"F": {"F": "a"}},
        {"F": [[["a"]], None, {}]},
        {"Channel": ["x"], "EventID": {}},
        {"F": 1e400},
        {},
    ]
    assert [match.index for match in rules.match(WINDOWS, odd)] == [1]


def test_an_event_nested_beyond_measure_is_matched_and_stops_nothing() -> None:
    deep: Any = "evil"
    for _ in range(5_000):
        deep = {"a": deep}
    many: Any = "evil"
    for _ in range(5_000):
        many = [many]
    rules = RuleSet([rule(Text(None, (ANY, "evil", ANY))), rule(Null("F"), name="null")])
    found = rules.match(LogSource(), [{"F": deep}, {"F": many}])
    assert [(match.index, match.rule.id) for match in found] == [(0, "r"), (1, "r")]


def test_half_a_surrogate_pair_is_no_reason_to_stop() -> None:
    rules = RuleSet([rule(Regex("F", "e.il")), rule(contains("F", "evil"), name="text")])
    assert len(rules.match(LogSource(), [{"F": "evil \ud83d"}])) == 2


def test_an_attacker_who_invents_event_ids_makes_no_program_for_each() -> None:
    rules = RuleSet([rule(contains("F", "a"), LogSource("windows"))])
    for number in range(3_000):
        rules.match(WINDOWS, [{"Channel": SYSMON, "EventID": number}])
    assert len(rules._programs) <= 1_000


FIELDS = ["A", "B", "EventID", "Image"]
ALPHABET = "aAbBéÉßσςΣ한*?.\\ 1"
texts = st.text(ALPHABET, max_size=8)
patterns = st.lists(st.one_of(st.text(ALPHABET, min_size=1, max_size=3), st.sampled_from([ANY, ONE])), max_size=5).map(
    lambda parts: tuple(parts) or ("",)
)
keyword_patterns = patterns.map(lambda inner: (ANY, *inner, ANY))
tests_of_events: st.SearchStrategy[Node] = st.one_of(
    st.builds(Text, st.sampled_from(FIELDS), patterns, st.booleans()),
    st.builds(Text, st.none(), keyword_patterns),
    st.builds(Text, st.just("EventID"), st.sampled_from([("1",), ("12",), (ANY, "1")])),
    st.builds(
        Regex,
        st.sampled_from(FIELDS),
        st.sampled_from(["a+b", "^a", "(?i)É", "[ab]1?$", "a|b", r"\\", "b{2}a", "a(b|1)a"]),
    ),
    st.builds(Cidr, st.sampled_from(FIELDS), st.sampled_from(["192.0.2.0/24", "2001:db8::/32"])),
    st.builds(Compare, st.sampled_from(FIELDS), st.sampled_from(["lt", "lte", "gt", "gte"]), st.integers(-2, 12)),
    st.builds(Null, st.sampled_from(FIELDS)),
    st.builds(Exists, st.sampled_from(FIELDS)),
    st.builds(
        FieldRef, st.sampled_from(FIELDS), st.sampled_from(FIELDS), st.sampled_from(["equals", "contains", "endswith"])
    ),
)
trees: st.SearchStrategy[Node] = st.recursive(
    tests_of_events,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: All(tuple(items))),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: AnyOf(tuple(items))),
        inner.map(Not),
    ),
    max_leaves=6,
)
values = st.one_of(
    texts, st.integers(-2, 12), st.booleans(), st.none(), st.sampled_from(["192.0.2.7", "2001:db8::1", 4.5])
)
events = st.dictionaries(
    st.sampled_from(FIELDS),
    st.one_of(values, st.lists(values, max_size=3), st.dictionaries(st.just("A"), values)),
    max_size=4,
)


@example([Text("EventID", ("1",), False)], [{}, {"EventID": True}, {"EventID": 1.0}], True)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(trees, min_size=1, max_size=6), st.lists(events, min_size=1, max_size=6), st.booleans())
def test_the_compiled_form_says_what_the_plain_evaluator_says(
    conditions: list[Node], given_events: list[Event], windows: bool
) -> None:
    source = WINDOWS if windows else LogSource("linux")
    seen = [{"Channel": SYSMON, "EventID": 1, **event} if windows else event for event in given_events]
    rules = RuleSet([rule(tree, name=str(number)) for number, tree in enumerate(conditions)])
    found = {(match.index, match.rule.id) for match in rules.match(source, seen)}
    expected = {
        (index, one.id)
        for index, event in enumerate(seen)
        for one in rules.rules
        if reference.holds(one, source, event)
    }
    assert found == expected
    block = block_of(map(canonical, seen))
    assert {(match.index, match.rule.id) for match in rules.match_canonical(source, block)} == expected
    assert not rules.quarantined


@pytest.mark.corpus
def test_the_compiled_form_says_what_the_plain_evaluator_says_on_real_telemetry() -> None:
    import zipfile

    root = corpus_root()
    if root is None:
        pytest.skip("no real telemetry beside this checkout")
    rules, _ = load_rules([root / "sigma" / "rules"])
    checked = 0
    for packed in sorted((root / "samples" / "windows-ndjson").glob("*.zip")):
        with zipfile.ZipFile(packed) as archive:
            name = next(n for n in archive.namelist() if not n.startswith("__MACOSX") and not n.endswith("/"))
            lines = archive.read(name).splitlines()
        seen = [json.loads(line) for line in lines[:: max(1, len(lines) // 40)]]
        found = {(match.index, match.rule.id) for match in rules.match(WINDOWS, seen)}
        block = block_of(map(canonical, seen))
        assert {(match.index, match.rule.id) for match in rules.match_canonical(WINDOWS, block)} == found
        for index, event in enumerate(seen):
            expected = {(index, one.id) for one in rules.rules if reference.holds(one, WINDOWS, event)}
            assert {pair for pair in found if pair[0] == index} == expected
            checked += 1
    assert checked > 100


def test_rules_of_a_correlation_match_but_say_that_they_only_feed(load: Load) -> None:
    rules, _ = load(
        "title: Feeder\nname: feeder\nlogsource: {product: test}\ndetection: {s: {F: a}, condition: s}\n---\n"
        "title: Many\ncorrelation: {type: event_count, rules: [feeder], timespan: 5m, condition: {gte: 3}}\n"
    )
    (match,) = rules.match(LogSource("test"), [{"F": "a"}])
    assert not match.rule.generates
    assert [one.title for one in rules.correlations] == ["Many"]
