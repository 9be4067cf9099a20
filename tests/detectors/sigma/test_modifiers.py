"""What every value and modifier matches (Sigma specification 2.1, "Value modifiers")."""

import base64

import pytest

from jikimi.domain.event import Event
from tests.detectors.sigma.conftest import Fires, Load

CASES: list[tuple[str, str, Event, bool]] = [
    ("a plain value is compared whole", "F: abc", {"F": "abc"}, True),
    ("a plain value is no part of a longer one", "F: abc", {"F": "abcd"}, False),
    ("case does not count", "F: AbC", {"F": "aBc"}, True),
    ("case does not count beyond ASCII", "F: ÄÖÑж", {"F": "äöñЖ"}, True),
    ("case does not count for a final sigma", "F|contains: ΑΣ", {"F": "οδος ας τέλος"}, True),
    ("Hangul is compared as it is", "F|contains: 기밀", {"F": "내부_기밀문서.hwp"}, True),
    ("cased counts case", "F|cased: AbC", {"F": "abc"}, False),
    ("cased contains counts case", "F|contains|cased: AbC", {"F": "xAbCx"}, True),
    ("cased contains refuses another case", "F|contains|cased: AbC", {"F": "xabcx"}, False),
    ("contains", "F|contains: b", {"F": "abc"}, True),
    ("startswith", "F|startswith: ab", {"F": "abc"}, True),
    ("startswith is no contains", "F|startswith: b", {"F": "abc"}, False),
    ("endswith", "F|endswith: bc", {"F": "abc"}, True),
    ("endswith is no contains", "F|endswith: b", {"F": "abcb c"}, False),
    ("endswith finds the last occurrence", "F|endswith: ab", {"F": "ab ab"}, True),
    ("a star inside contains is a wildcard", "F|contains: a*c", {"F": "xx a-b-c xx"}, True),
    ("a star inside contains keeps the order", "F|contains: c*a", {"F": "xx a-b-c xx"}, False),
    ("a question mark is one character", "F: a?c", {"F": "abc"}, True),
    ("a question mark is not none", "F: a?c", {"F": "ac"}, False),
    ("a question mark inside endswith", "F|endswith: 'v?.exe'", {"F": "C:\\v7.exe"}, True),
    ("a wildcard reaches over line ends", "F: a*c", {"F": "a\nb\nc"}, True),
    ("parts must not overlap", "F: 'aba*aba'", {"F": "ababa"}, False),
    ("an escaped star is a star", "F: 'a\\*c'", {"F": "a*c"}, True),
    ("an escaped star is no wildcard", "F: 'a\\*c'", {"F": "abc"}, False),
    ("an escaped question mark is one", "F: 'a\\?c'", {"F": "abc"}, False),
    ("a single backslash is plain", "F: 'a\\b'", {"F": "a\\b"}, True),
    ("two backslashes are one", "F: 'a\\\\b'", {"F": "a\\b"}, True),
    ("escaped backslash before a wildcard", "F: 'a\\\\*'", {"F": "a\\xyz"}, True),
    ("only a star: any value", "F: '*'", {"F": "x"}, True),
    ("only a star: also an empty value", "F: '*'", {"F": ""}, True),
    ("only a star: not a missing field", "F: '*'", {"G": "x"}, False),
    ("one character at least", "F: '?*'", {"F": ""}, False),
    ("a list is any", "F: [a, b]", {"F": "b"}, True),
    ("all in a list", "F|contains|all: [a, b]", {"F": "xbxax"}, True),
    ("all in a list lacks one", "F|contains|all: [a, b]", {"F": "xbx"}, False),
    ("a list of the event is any", "F|endswith: b", {"F": ["a", "ab"]}, True),
    ("all may be met by different values of a list", "F|contains|all: [a, b]", {"F": ["a", "b"]}, True),
    ("a number equals its text", "F: 42", {"F": "42"}, True),
    ("a number equals itself", "F: 42", {"F": 42}, True),
    ("a text equals the number", "F: '42'", {"F": 42}, True),
    ("a whole float equals the integer", "F: 42", {"F": 42.0}, True),
    ("a number is no part", "F: 42", {"F": "420"}, False),
    ("a number of 64 bits is exact", "F: 12345678901234567891", {"F": "12345678901234567891"}, True),
    ("a number of 64 bits is no other one", "F: 9007199254740993", {"F": 9007199254740992}, False),
    ("digits behind a zero are text", "F|contains: '0050'", {"F": "x0050"}, True),
    ("a text modifier works on a number", "F|startswith: '4'", {"F": 42}, True),
    ("true is a value", "F: true", {"F": True}, True),
    ("true equals its text", "F: true", {"F": "True"}, True),
    ("true is not one", "F: 1", {"F": True}, False),
    ("empty is empty", "F: ''", {"F": ""}, True),
    ("empty is not missing", "F: ''", {"G": ""}, False),
    ("null is missing", "F: null", {"G": ""}, True),
    ("null is null", "F: null", {"F": None}, True),
    ("null is not empty", "F: null", {"F": ""}, False),
    ("null beside a value", "F: [null, '']", {"F": ""}, True),
    ("exists", "F|exists: true", {"F": ""}, True),
    ("exists not", "F|exists: false", {"F": ""}, False),
    ("exists not, and is not there", "F|exists: false", {"G": ""}, True),
    ("neq", "F|neq: a", {"F": "b"}, True),
    ("neq of the value itself", "F|neq: a", {"F": "A"}, False),
    ("lt", "F|lt: 5", {"F": "4.5"}, True),
    ("lte", "F|lte: 5", {"F": 5}, True),
    ("gt", "F|gt: 5", {"F": 5}, False),
    ("gte", "F|gte: 5", {"F": "5"}, True),
    ("a comparison with text is false", "F|gte: 5", {"F": "many"}, False),
    ("cidr v4", "F|cidr: 192.0.2.0/25", {"F": "192.0.2.127"}, True),
    ("cidr v4 outside", "F|cidr: 192.0.2.0/25", {"F": "192.0.2.128"}, False),
    ("cidr v6", "F|cidr: 2001:db8::/32", {"F": "2001:0DB8:0:1::5"}, True),
    ("cidr v4 written as v6", "F|cidr: 192.0.2.0/24", {"F": "::ffff:192.0.2.7"}, True),
    ("cidr of no address", "F|cidr: 192.0.2.0/24", {"F": "192.0.2"}, False),
    ("a regular expression is searched for", "F|re: 'b+c'", {"F": "abbcd"}, True),
    ("a regular expression counts case", "F|re: 'B+c'", {"F": "abbcd"}, False),
    ("re|i", "F|re|i: 'B+C'", {"F": "abbcd"}, True),
    ("re: a dot is no line end", "F|re: 'a.c'", {"F": "a\nc"}, False),
    ("re|s", "F|re|s: 'a.c'", {"F": "a\nc"}, True),
    ("re: anchors are the whole text's", "F|re: '^b'", {"F": "a\nb"}, False),
    ("re|m", "F|re|m: '^b'", {"F": "a\nb"}, True),
    ("re with alternatives", "F|re: 'cat|dog'", {"F": "hotdog"}, True),
    ("re with a backslash", "F|re: 'C:\\\\[a-z]+'", {"F": "C:\\temp"}, True),
    ("fieldref", "F|fieldref: G", {"F": "Kim", "G": "kim"}, True),
    ("fieldref to another value", "F|fieldref: G", {"F": "kim", "G": "lee"}, False),
    ("fieldref to nothing", "F|fieldref: G", {"F": "kim"}, False),
    ("fieldref|startswith", "F|fieldref|startswith: G", {"F": "kim.minji", "G": "Kim"}, True),
    ("base64", "F|base64|contains: secret", {"F": f"x{base64.b64encode(b'secret').decode()}"}, True),
    ("base64offset", "F|base64offset|contains: secret", {"F": base64.b64encode(b"a secret b").decode()}, True),
    (
        "wide base64offset",
        "F|wide|base64offset|contains: secret",
        {"F": base64.b64encode("my secret".encode("utf-16-le")).decode()},
        True,
    ),
    (
        "utf16le is wide",
        "F|utf16le|base64offset|contains: secret",
        {"F": base64.b64encode("my secret".encode("utf-16-le")).decode()},
        True,
    ),
    ("hour of a time", "F|hour: 2", {"F": "2026-11-22T02:13:00Z"}, True),
    ("hour from", "F|hour|gte: 3", {"F": "2026-11-22T02:13:00Z"}, False),
    ("week of a time", "F|week: 47", {"F": "2026-11-22 02:13:00.000"}, True),
    ("a field name with a space", "Threat Name|contains: Trojan", {"Threat Name": "Trojan:Win32"}, True),
    ("a rule without the space", "ThreatName|contains: Trojan", {"Threat Name": "Trojan:Win32"}, True),
    ("a nested field", "a.b.c: x", {"a": {"b": {"c": "x"}}}, True),
    ("a nested field in a list", "a.b: x", {"a": [{"b": "y"}, {"b": "x"}]}, True),
    ("a dotted field as it stands", "a.b: x", {"a.b": "x"}, True),
]


@pytest.mark.parametrize(("detection", "event", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_value_matches_as_the_specification_says(fires: Fires, detection: str, event: Event, expected: bool) -> None:
    assert fires(detection, event) is expected


@pytest.mark.parametrize("dash", ["-", "/", "–", "—", "―"])
def test_windash_knows_five_dashes(fires: Fires, dash: str) -> None:
    assert fires("F|windash|contains: ' -enc '", {"F": f"powershell {dash}enc AAAA"})


def test_windash_keeps_a_dash_inside_a_word(fires: Fires) -> None:
    assert not fires("F|windash|contains: 'a-b'", {"F": "a/b"})


REFUSED = [
    ("F|re: '(?=a)b'", "linear time"),
    ("F|re: '(a)\\1'", "linear time"),
    ("F|expand: '%servers%'", "placeholder %servers% has no values"),
    ("F|nosuchmodifier: a", "nosuchmodifier"),
    ("F|cidr: 192.0.2.1/24", "host bits"),
    ("F|wide: 비밀", "ascii"),
    ("F|base64: 'a*'", "wildcards"),
    ("F|lt: many", "the modifier 'lt' has no meaning for the value 'many'"),
]


@pytest.mark.parametrize(("detection", "reason"), REFUSED)
def test_what_cannot_be_matched_exactly_is_refused_with_its_line(load: Load, detection: str, reason: str) -> None:
    rules, report = load(
        f"title: Odd\nlogsource:\n  product: test\ndetection:\n  sel:\n    {detection}\n  condition: sel\n"
    )
    assert not rules.rules
    (refusal,) = report.refused
    assert refusal.rule == "Odd"
    assert reason.lower() in refusal.reason.lower()
    assert refusal.file.endswith("rule.yml")
