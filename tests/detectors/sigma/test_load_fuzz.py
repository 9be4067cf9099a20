"""Rule files as an enemy or an accident writes them: the loader never throws, and says of everything file and line."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.sigma.correlate import END, Correlator
from detectors.sigma.load import load_rules
from jikimi.testing.corpus import corpus_root
from tests.detectors.sigma.conftest import SOURCE

RULE = """\
title: A rule of every kind
id: 00000000-0000-4000-8000-000000000001
name: every_kind
status: test
level: high
tags: [attack.t1059]
date: 2026-11-22
logsource: {product: test}
detection:
  sel:
    Image|endswith: ['\\cmd.exe', '\\pwsh.exe']
    CommandLine|contains|all: [evil, -enc]
    Port: [1, 2.5, true, null]
    Ip|cidr: 192.0.2.0/24
    Text|re|i: '^a.*b$'
    Time|hour|gte: 9
    Secret|base64offset|contains: [secret, word]
    Name|fieldref: Other
    Group|expand: '%Servers%'
  keywords: [one, two*]
  filter_a: [{A: b}, {C: d}]
  condition: (sel or keywords) and not 1 of filter_*
fields: [Image]
jikimi: {title_ko: 가, title_en: a, advice_ko: [나], advice_en: [b]}
---
title: A correlation
name: counted
correlation:
  type: value_count
  rules: [every_kind]
  group-by: [Host]
  aliases: {Who: {every_kind: User}}
  timespan: 10m
  condition: {field: User, gte: 3, lte: 9}
  generate: true
---
title: Another
correlation: {type: temporal, rules: [every_kind, counted], timespan: 1h, condition: every_kind and not counted}
---
title: A filter
logsource: {product: test}
filter: {rules: [every_kind], sel: {User|startswith: adm}, condition: not sel}
---
action: global
logsource: {product: test}
---
title: Short
detection: {k: ['|'], condition: k}
---
action: repeat
title: Shorter
"""
EVENT: dict[str, Any] = {"Image": "C:\\cmd.exe", "CommandLine": "evil -enc", "User": "u", "Host": "h", "one": ["two"]}
ODD: list[Any] = [
    *(None, True, 0, -1, 2**80, 1e308, float("nan"), float("inf")),
    *("", " ", "*", "?", "\\", "\\*", "%", "%x%", "|", "||all", "\x00", "\ud7ff", "\U0010ffff", "가" * 50, "a" * 5_000),
    *([], {}, [[]], [{}], {"a": {}}, [None], {"": ""}, ["a", {"b": "c"}], {"|": 1}, {"a|": 1}),
    *({"a|re": "("}, {"a|re": "(a+)+$"}, {"a|re": "a{9999}{9999}"}, {"a|cidr": "x"}, {"a|lt": "x"}),
    *({"a|windash": "-a -b -c -d -e"}, {"a|base64": "*"}, {"a|exists": "x"}, {"a|expand": "%x%"}, {"a|fieldref": []}),
    *("1 of them", "all of *", "not", "sel and", "((((sel", "sel | count() > 3", "any", "correlation", "10m"),
]


def holds(folder: Path, data: bytes) -> None:
    """Loading ends, and what is left works."""
    file = folder / "fuzzed.yml"
    file.write_bytes(data)
    rules, report = load_rules([folder])
    lines = data.count(b"\n") + data.count(b"\r") + 2
    for refusal in (*report.refused, *report.without_effect):
        assert refusal.file == str(file)
        assert 1 <= refusal.line <= lines
        assert refusal.reason
    assert rules.rules or report.refused or report.without_effect or b"filter" in data or b"action" in data
    matches = rules.match(SOURCE, [EVENT])
    correlator = Correlator(rules.rules)
    correlator.apply("t", [(match, match.event, "e") for match in matches], END)
    correlator.close(END)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, len(RULE)), st.integers(0, 4), st.binary(max_size=6)), max_size=6))
def test_bytes_changed_anywhere_never_stop_the_loader(tmp_path: Path, edits: list[tuple[int, int, bytes]]) -> None:
    data = bytearray(RULE.encode())
    for place, length, instead in edits:
        data[place : place + length] = instead
    holds(tmp_path, bytes(data))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 3))
def test_parts_lost_swapped_or_of_another_type_never_stop_the_loader(tmp_path: Path, seed: int, changes: int) -> None:
    documents = list(yaml.safe_load_all(RULE))
    random = Random(seed)
    for _ in range(changes):
        _mutate(documents, random)
    holds(tmp_path, yaml.safe_dump_all(documents, allow_unicode=True).encode("utf-8", "surrogatepass"))


def _mutate(documents: list[Any], random: Random) -> None:
    place, key = random.choice(list(_places(documents)))
    choice = random.randrange(4)
    if choice == 0:
        del place[key]
    elif choice == 1 and isinstance(place, dict):
        place[random.choice([str(o) for o in ODD])] = place.pop(key)
    elif choice == 2:
        place[key] = [place[key]]
    else:
        place[key] = random.choice(ODD)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key in node if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


NOISE = [b"", b":", b"|", b"*", b"&", b"\t", b"\xff", b"{", b"- ", b"'"]
PLAIN = "title: T\nlogsource: {product: test}\ndetection: {s: {F: x}, condition: s}\n"
LAUGHS = "a0: &a0 [lol, lol]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS + "title: T\n", "billion laughs"),
        ("title: T\ndetection: &d\n  sel: *d\n", "Recursive"),
        ("a: &a {x: 1}\nb: {<<: *a}\n", "merge key"),
        ("".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)), "undefined alias"),
        ("title: T\n\tdetection: x\n", "YAML"),
        ("title: T\ntitle: U\n", "stands twice"),
        ("title: !!python/object/apply:os.system [ls]\n", "YAML"),
        ("title: " + "9" * 5_000 + "\n", ""),
        ("title: 2026-13-45\n", ""),
        ("? [a, b]\n: c\n", "YAML"),
        ("- title: T\n", "must be a map"),
        ("just text\n", "must be a map"),
        ("action: nosuch\ntitle: T\n", "'nosuch' is not known"),
        (PLAIN.replace("s}", "(" * 150 + "s" + ")" * 150 + "}"), "parentheses"),
        (PLAIN.replace("s}", "not " * 3_000 + "s}"), ""),
        (PLAIN + "taxonomy: ecs\n", "taxonomy"),
        (PLAIN + "status: unsupported\n", "unsupported"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_and_bounded(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "r.yml").write_text(text, encoding="utf-8")
    rules, report = load_rules([tmp_path])
    assert not rules.rules
    assert report.refused
    assert reason in report.refused[0].reason


@pytest.mark.corpus
def test_public_rules_with_bytes_flipped_never_stop_the_loader(tmp_path: Path) -> None:
    root = corpus_root()
    if root is None:
        pytest.skip("no public rule set beside this checkout")
    random = Random(4)
    files = sorted((root / "sigma").rglob("*.yml"))
    for number, file in enumerate(random.sample(files, 400)):
        data = bytearray(file.read_bytes())
        for _ in range(random.randrange(1, 8)):
            place = random.randrange(len(data))
            data[place : place + random.randrange(3)] = random.choice(
                [b"", b":", b"|", b"*", b"&", b"\t", b"\xff", b"{", b"- ", b"'"]
            )
        (tmp_path / f"{number}.yml").write_bytes(bytes(data))
    _, report = load_rules([tmp_path])
    assert report.files == 400
    assert all(refusal.line >= 1 and refusal.reason and refusal.file for refusal in report.refused)
