"""`jikimi detect` as a person or a script meets it: stdout, stderr, exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jikimi.cli import app

Jikimi = Callable[..., Result]

RULES = """\
title: Evil command
id: 00000000-0000-4000-8000-000000000001
level: critical
tags: [attack.execution]
logsource: {product: windows, category: process_creation}
detection: {s: {CommandLine|contains: evil}, condition: s}
jikimi: {title_ko: "{Computer}: 나쁜 명령 실행", title_en: "{Computer}: an evil command ran"}
---
title: Failed logon
name: failed_logon
logsource: {product: windows, service: security}
detection: {s: {EventID: 4625}, condition: s}
---
title: Guessing
id: 00000000-0000-4000-8000-000000000002
level: medium
correlation: {type: event_count, rules: [failed_logon], group-by: [Computer], timespan: 5m, condition: {gte: 3}}
---
title: Not yet
logsource: {product: windows}
detection: {s: {F|nosuch: a}, condition: s}
"""
SECURITY = {"Channel": "Security", "Computer": "PC-1", "@timestamp": "2026-11-22T02:13:00.000000Z"}
EVENTS = [
    {**SECURITY, "EventID": 4688, "NewProcessName": "C:\\\\a.exe", "CommandLine": "evil --now"},
    *({**SECURITY, "EventID": 4625} for _ in range(5)),
    {**SECURITY, "EventID": 4624},
]


@pytest.fixture
def jikimi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jikimi:
    """Runs the command in an empty folder with an empty cache; it holds rules.yml and events.ndjson."""
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(e) + "\n" for e in EVENTS), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, ["detect", *arguments])


def test_values_for_a_placeholder_make_its_rule_usable(jikimi: Jikimi, tmp_path: Path) -> None:
    rule = RULES.split("---")[0].replace("CommandLine|contains: evil", "CommandLine|contains|expand: '%bad%'")
    (tmp_path / "open.yml").write_text(rule, encoding="utf-8")
    assert "placeholder %bad% has no values" in jikimi("--rules", "open.yml", "events.ndjson").stderr
    given = jikimi("--rules", "open.yml", "--placeholder", "bad=wicked,evil", "events.ndjson")
    assert len(given.stdout.splitlines()) == 1
    wrong = jikimi("--placeholder", "bad", "events.ndjson")
    assert (wrong.exit_code, "Servers=srv1,srv2" in wrong.stderr) == (2, True)


def test_a_filter_that_does_nothing_and_a_folder_of_filters_only_are_told(jikimi: Jikimi, tmp_path: Path) -> None:
    narrows = "title: Narrow\nlogsource: {product: windows}\nfilter: {rules: [nobody], s: {A: b}, condition: not s}\n"
    (tmp_path / "filter.yml").write_text(narrows, encoding="utf-8")
    told = jikimi("--rules", "rules.yml", "--rules", "filter.yml", "events.ndjson").stderr
    assert "filter without effect: filter.yml:3: Narrow: the filter names 'nobody'" in told
    alone = jikimi("--rules", "filter.yml", "events.ndjson")
    assert (alone.exit_code, "filter.yml:3" in alone.stderr) == (2, True)


def test_a_window_that_is_judged_at_its_end_is_told_when_the_files_are(jikimi: Jikimi, tmp_path: Path) -> None:
    (tmp_path / "few.yml").write_text(RULES.replace("{gte: 3}", "{lt: 9}"), encoding="utf-8")
    done = [json.loads(line) for line in jikimi("--rules", "few.yml", "events.ndjson").stdout.splitlines()]
    assert [(found["rule_title"], found.get("event_count")) for found in done if "Guessing" in found["rule_title"]] == [
        ("Guessing", 5)
    ]


@pytest.mark.parametrize("written", ["late.ndjson early.ndjson", "newest-first.ndjson"])
def test_correlations_count_in_the_order_of_time_in_whatever_order_files_have_it(
    jikimi: Jikimi, tmp_path: Path, written: str
) -> None:
    early = [{**SECURITY, "EventID": 4625, "@timestamp": f"2026-11-22T02:13:0{second}Z"} for second in range(3)]
    late = [{**SECURITY, "EventID": 4625, "@timestamp": "2026-11-22T02:43:00Z"}]
    for name, events in (("early", early), ("late", late), ("newest-first", [*late, *reversed(early)])):
        (tmp_path / f"{name}.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    ran = jikimi("--rules", "rules.yml", *written.split())
    (found,) = map(json.loads, ran.stdout.splitlines())
    assert (found["event_count"], found["window_start"][:16]) == (3, "2026-11-22T02:13")
    assert "too late" not in ran.stderr


def test_findings_are_json_lines_and_the_summary_goes_to_stderr(jikimi: Jikimi) -> None:
    done = jikimi("--rules", "rules.yml", "events.ndjson")
    assert done.exit_code == 0, done.stderr
    evil, guessing = map(json.loads, done.stdout.splitlines())
    assert (evil["rule_id"], evil["rule_title"]) == ("00000000-0000-4000-8000-000000000001", "Evil command")
    assert (evil["level"], evil["risk_level"]) == ("critical", "very_high")
    assert evil["time"] == "2026-11-22T02:13:00.000000Z"
    assert evil["logsource"] == {"product": "windows", "category": "process_creation", "service": "security"}
    assert evil["event"]["CommandLine"] == "evil --now"
    assert evil["title_ko"] == "PC-1: 나쁜 명령 실행"
    assert evil["tags"] == ["attack.execution"]
    assert (guessing["rule_title"], guessing["event_count"]) == ("Guessing", 5)
    assert guessing["group"] == {"Computer": "PC-1"}
    assert "3 loaded, 1 refused" in done.stderr
    assert "rules.yml:21: Not yet: Unknown modifier" in done.stderr
    assert "7 events" in done.stderr


def test_no_finding_is_no_error(jikimi: Jikimi) -> None:
    done = jikimi("--rules", "rules.yml", "--logsource", "product=linux", "events.ndjson")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "findings: 0 (none)" in done.stderr


def test_a_folder_stands_for_its_event_files(jikimi: Jikimi, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "events.ndjson").rename(tmp_path / "deep" / "events.ndjson")
    (tmp_path / "deep" / "readme.txt").write_text("no events", encoding="utf-8")
    assert len(jikimi("--rules", "rules.yml", "deep").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rules", "rules.yml", "nosuch.evtx"], "nosuch.evtx: no such file"),
        (["--rules", "nosuch", "events.ndjson"], "rules: nosuch does not exist"),
        (["--rules", "empty", "events.ndjson"], "no rule (.yml) in empty"),
        (["--rules", "rules.yml", "empty"], "empty: no event file in this folder"),
        (["--rules", "rules.yml", "x" * 300], "cannot be opened (File name too long)"),
        (["--rules", "rules.yml", "picture.png"], "picture.png: not a format that can be read"),
        (["--rules", "broken.yml", "events.ndjson"], "broken.yml:1: "),
        (["--rules", "rules.yml", "--logsource", "colour=red", "events.ndjson"], "--logsource 'colour=red'"),
    ],
)
def test_wrong_input_gets_one_sentence_and_exit_code_2(
    jikimi: Jikimi, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (tmp_path / "broken.yml").write_text("title: Broken\n", encoding="utf-8")
    done = jikimi(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert sentence in line


def test_one_file_that_cannot_be_used_costs_the_exit_code_and_not_the_other_files(jikimi: Jikimi) -> None:
    done = jikimi("--rules", "rules.yml", "nosuch.evtx", "events.ndjson")
    assert done.exit_code == 2
    assert len(done.stdout.splitlines()) == 2
    assert "1 of 2 inputs could not be used" in done.stderr


def test_a_damaged_line_is_told_and_the_rest_goes_on(jikimi: Jikimi, tmp_path: Path) -> None:
    whole = (tmp_path / "events.ndjson").read_text(encoding="utf-8")
    (tmp_path / "damaged.ndjson").write_text('{"Channel": "Secu\n' + whole, encoding="utf-8")
    done = jikimi("--rules", "rules.yml", "damaged.ndjson")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 2
    assert "1 unreadable" in done.stderr


def test_a_closed_pipe_is_quiet(jikimi: Jikimi, tmp_path: Path) -> None:
    assert jikimi("--rules", "rules.yml", "events.ndjson").exit_code == 0
    many = json.dumps(EVENTS[0]) + "\n"
    (tmp_path / "many.ndjson").write_text(many * 5_000, encoding="utf-8")
    code = "from jikimi.cli import app; app()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "detect", "--rules", "rules.yml", "many.ndjson"],
        cwd=tmp_path,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=60) == 0
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_findings_that_cannot_be_written_are_one_sentence_and_exit_code_1(jikimi: Jikimi, tmp_path: Path) -> None:
    assert jikimi("--rules", "rules.yml", "events.ndjson").exit_code == 0
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from jikimi.cli import app; app()",
                "detect",
                "--rules",
                "rules.yml",
                "events.ndjson",
            ],
            cwd=tmp_path,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "stdout takes no more findings (No space left on device)" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_shows_examples(jikimi: Jikimi) -> None:
    done = jikimi("--help")
    assert done.exit_code == 0
    assert "jikimi detect --rules" in done.stdout
    assert "Exit code" in done.stdout
