"""Matching blocks from their bytes says what the plain evaluator says of the decoded events, for any JSON."""

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from detectors.sigma import reference
from detectors.sigma.match import RuleSet
from detectors.sigma.rule import Rule
from detectors.sigma.tree import ANY, ONE, All, AnyOf, Cidr, Exists, FieldRef, Node, Not, Null, Regex, Text
from jikimi.domain import windows
from jikimi.domain.event import Event, block_of, canonical
from jikimi.domain.logsource import NETWORK_FLOW, LogSource

WINDOWS = LogSource("windows")
SYSMON = "Microsoft-Windows-Sysmon/Operational"
CHANNELS = [SYSMON, "Security", "security", 'a "quoted", {one}', "System", "", None, 7]
SOURCES = [WINDOWS, LogSource(), LogSource("linux", None, "auditd"), NETWORK_FLOW]

FIELDS = ["Image", "CommandLine", "User", "ThreatName", "Outer.Image", "EventID", "Channel", "Action", "@timestamp"]
PIECES = [
    "\\cmd.exe",
    "C:\\", "evil", "EVIL", "ſtrasse", "straße", "STRASSE", "K", "k", "İ", "ﬁle", "file", "한글", "É", "é", "😀",
    '"', "\\", "\\u0041", "\n", "\x1f", "\x7f", " ", "1", "12", "e", "-", ".", "0", "true",
    '"EventID":1', ',"EventID":1,',
    "{", ":{", "[{", "*",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
literals = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join)
patterns = st.one_of(
    literals.map(lambda text: (text,)),
    literals.map(lambda text: (ANY, text)),
    literals.map(lambda text: (text, ANY)),
    literals.map(lambda text: (ANY, text, ANY)),
    st.tuples(literals, st.sampled_from([ANY, ONE]), literals),
)
expressions = st.sampled_from(
    [
        "evil", "(?i)EVIL|cmd", "^C:\\\\", "(evil|file)+", "str(a|)sse", "k$", "(?i)straße", "a?b*evil{0,2}",
        "(?:x(?:evil|cmd)y?)*1",
        "[e-f]vil", "(?P<n>evil|EVIL).*k", "\\.exe", "1+", "\\x65vil", "e{2}", "evi(l)?", "(?s:evil.)", "한글?",
    ]
)  # fmt: skip
tests_of_events: st.SearchStrategy[Node] = st.one_of(
    st.builds(Text, st.sampled_from(FIELDS), patterns, st.booleans()),
    st.builds(Text, st.none(), literals.map(lambda text: (ANY, text, ANY))),
    st.builds(Text, st.just("EventID"), st.sampled_from([("1",), ("12",), (ANY, "1")])),
    st.builds(Regex, st.sampled_from([*FIELDS, None]), expressions),
    st.builds(Cidr, st.sampled_from(FIELDS), st.sampled_from(["192.0.2.0/24", "2001:db8::/32", "::/0"])),
    st.builds(Null, st.sampled_from(FIELDS)),
    st.builds(Exists, st.sampled_from(FIELDS)),
    st.builds(FieldRef, st.sampled_from(FIELDS), st.sampled_from(FIELDS)),
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
scalars = st.one_of(
    texts,
    st.integers(-12, 12),
    st.sampled_from([2**64 - 1, -(2**63), 1e16, 1e-5, 0.1, 100.0, -0.0, 1.5e300, 1e22]),
    st.booleans(),
    st.none(),
    st.sampled_from(["192.0.2.7", "2001:db8::1", "::ffff:192.0.2.9"]),
)
values = st.one_of(scalars, scalars, st.lists(scalars, max_size=3))
nested = st.one_of(
    st.dictionaries(st.sampled_from(["Image", "EventID", "Channel"]), values, max_size=2),
    st.lists(st.dictionaries(st.sampled_from(["Image", "EventID"]), values, max_size=2), max_size=2),
)
names = st.sampled_from(
    ["Image", "CommandLine", "User", "Threat Name", "ThreatName", "Outer", "Action", "Target Filename", "EventType"]
)
events = st.builds(
    lambda body, channel, number, last: (
        {**({} if last else {"Channel": channel, "EventID": number}), **body}
        | ({"EventID": number, "Channel": channel} if last else {})
    ),
    st.dictionaries(names, st.one_of(values, values, nested), max_size=5),
    st.sampled_from(CHANNELS),
    st.sampled_from([1, "1", 12, "12", 4688, 1.0, True, None, [1], "x", 10**19]),
    st.booleans(),
)


def rules_of(conditions: list[Node]) -> RuleSet:
    return RuleSet(
        [
            Rule(str(n), str(n), "low", (), LogSource(), "1", "", condition=condition)
            for n, condition in enumerate(conditions)
        ]
    )


def said_plainly(rules: RuleSet, source: LogSource, seen: list[Event]) -> set[tuple[int, str]]:
    return {(i, one.id) for i, event in enumerate(seen) for one in rules.rules if reference.holds(one, source, event)}


def told(rules: RuleSet, source: LogSource, block: bytes) -> set[tuple[int, str]]:
    return {(match.index, match.rule.id) for match in rules.match_canonical(source, block)}


@example([Text("Image", (ANY, "strasse", ANY))], [{"Image": "ſtraße"}], WINDOWS)
@example([Text("Image", (ANY, "5e", ANY))], [{"Image": 1.5e300}], WINDOWS)
@example([Null("CommandLine")], [{"Image": "x"}, {"CommandLine": None}], WINDOWS)
@example(
    [Text("User", ("office\\kim",))],
    [{"Channel": "Security", "EventID": 4688, "SubjectUserName": "kim", "SubjectDomainName": "OFFICE"}],
    WINDOWS,
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(trees, min_size=1, max_size=6), st.lists(events, min_size=1, max_size=6), st.sampled_from(SOURCES))
def test_a_block_is_matched_as_the_plain_evaluator_matches_its_events(
    conditions: list[Node], given_events: list[Event], source: LogSource
) -> None:
    rules = rules_of(conditions)
    block = block_of(map(canonical, given_events))
    seen = [orjson.loads(line) for line in block.splitlines()]
    expected = said_plainly(rules, source, seen)
    assert told(rules, source, block) == expected
    assert {(match.index, match.rule.id) for match in rules.match(source, seen)} == expected
    rules.match_canonical(source, block * (300 // len(seen) + 1))  # enough lines to choose literals anew
    assert told(rules, source, block) == expected
    assert not rules.quarantined


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(trees, min_size=1, max_size=4),
    st.lists(events, min_size=1, max_size=4),
    st.sampled_from(SOURCES),
    st.booleans(),
    st.sampled_from([(", ", ": "), (",", ":"), (" ,\t", " :")]),
)
def test_lines_that_are_not_canonical_are_matched_as_the_events_they_are(
    conditions: list[Node], given_events: list[Event], source: LogSource, ascii_only: bool, between: tuple[str, str]
) -> None:
    lines = [json.dumps(event, ensure_ascii=ascii_only, separators=between) for event in given_events]
    block = "\r\n\n".join(lines).encode()
    rules = rules_of(conditions)
    found = {(match.index, match.rule.id) for match in rules.match_block(source, block)}
    assert found == said_plainly(rules, source, [orjson.loads(line) for line in lines])


@pytest.mark.parametrize(
    "line",
    [
        b'{"EventID":3,"Channel":"Security","EventID":1,"Channel":"%s"}' % SYSMON.encode(),
        b'{"Event\\u0049D":1,"Channel":"%s"}' % SYSMON.encode(),
        b'{"Nested":{"EventID":3},"Channel":"%s","EventID":1}' % SYSMON.encode(),
        b'{"Text":",\\"EventID\\":3,","Channel":"%s","EventID":1}' % SYSMON.encode(),
        b' { "Channel" : "%s" , "EventID" : "1" } ' % SYSMON.encode(),
    ],
)
def test_the_class_is_that_of_the_decoded_event_whatever_else_the_line_says(line: bytes) -> None:
    rules = RuleSet(
        [Rule("r", "r", "low", (), LogSource("windows", "process_creation"), "1", "", condition=Exists("EventID"))]
    )
    assert len(rules.match_block(WINDOWS, line)) == 1


def test_a_line_that_cannot_hold_is_not_decoded() -> None:
    rules = rules_of([Text("Image", (ANY, "\\evil.exe"))])
    block = block_of(canonical({"Channel": SYSMON, "EventID": 1, "Image": f"C:\\{n}.exe"}) for n in range(100))
    assert rules.match_canonical(WINDOWS, block) == []
    assert (rules.counts.events, rules.counts.candidates, rules.counts.decoded) == (100, 0, 0)


def test_a_match_has_its_event_and_the_number_of_its_line() -> None:
    rules = rules_of([Text("Image", (ANY, "evil.exe"))])
    lines = [{"Channel": SYSMON, "EventID": n, "Image": "evil.exe" if n == 3 else "x"} for n in range(5)]
    (match,) = rules.match_canonical(WINDOWS, block_of(map(canonical, lines)))
    assert (match.index, match.event) == (3, lines[3])


def test_what_is_added_to_a_candidate_is_what_the_match_tells() -> None:
    rules = rules_of([Text("Image", ("evil",))])
    block = block_of([canonical({"@timestamp": "2999-01-01T00:00:00Z", "Image": "evil"})])
    (match,) = rules.match_canonical(LogSource("linux"), block, lambda event: event | {"@timestamp": "now"})
    assert match.event["@timestamp"] == "now"


def test_an_empty_block_and_one_without_a_last_newline() -> None:
    rules = rules_of([Exists("Image")])
    assert rules.match_canonical(WINDOWS, b"") == []
    assert len(rules.match_canonical(WINDOWS, b'{"Image":"a"}\n\n{"Image":"b"}')) == 2


def channels_and_ids() -> Iterator[tuple[str, int]]:
    yield from windows.CLASSES
    yield windows.SYSTEM, windows.LOG_CLEARED


@given(
    st.sampled_from(list(channels_and_ids())),
    st.dictionaries(
        st.sampled_from(
            [
                "NewProcessName",
                "ProcessCommandLine",
                "SubjectUserName",
                "SubjectDomainName",
                "MandatoryLabel",
                "Message",
                "ThreatName",
                "Path",
                "SourceName",
                windows.CLEARED_LOG,
            ]
        ),
        texts,
    ),
)
def test_a_field_that_completing_works_out_is_listed_as_computed(kind: tuple[str, int], body: dict[str, Any]) -> None:

    event: Event = {"Channel": kind[0], "EventID": kind[1], **body}
    for name, value in windows.complete(event).items():
        if name not in event and name not in windows.COMPUTED.get(kind, ()):
            assert any(value is one for one in event.values())
