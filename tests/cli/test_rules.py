"""`jikimi rules …` as a person or a script meets it: stdout, stderr, exit code."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jikimi.cli import app
from jikimi.cli.rule_plot import sparkline
from jikimi.domain.logsource import LogSource
from jikimi.storage import tenants
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.storage.migrate import upgrade
from jikimi.testing.batches import NOON, batch_of, events_of
from tests.detectors.workshop.rule_folder import process_rule, write_rules

Jikimi = Callable[..., Result]

TAGS = "attack.execution, attack.t1059"
EVENT = {"Channel": "Security", "EventID": 4688, "Computer": "PC-1"}
MOMENTS = ["2026-11-20T02:13:00Z", "2026-11-22T02:13:00Z", "2026-11-22T02:14:00Z"]


@pytest.fixture
def jikimi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jikimi:
    """Runs `jikimi rules` in a folder with `good`, `bad` and `events.ndjson`; there is no centre."""
    write_rules(tmp_path / "good", evil=process_rule(1, tags=TAGS))
    write_rules(tmp_path / "bad", evil=process_rule(1, "evil", field="CommandLine|nosuch"))
    events = [{**EVENT, "@timestamp": moment, "CommandLine": "evil.exe"} for moment in MOMENTS]
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, ["rules", *arguments])


def one_object(done: Result) -> dict[str, Any]:
    (line,) = done.stdout.splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


class TestCheck:
    def test_json_is_one_object_and_a_refusal_fails(self, jikimi: Jikimi) -> None:
        done = jikimi("check", "--json", "good", "bad")
        told = one_object(done)
        assert (done.exit_code, told["loaded"], told["files"]) == (1, 1, 2)
        (refusal,) = told["refused"]
        assert (refusal["rule"], refusal["file"], refusal["line"]) == ("Rule 1", "bad/evil.yml", 9)
        assert "nosuch" in refusal["reason"]

    def test_lines_say_file_and_line_and_the_summary_goes_to_stderr(self, jikimi: Jikimi) -> None:
        done = jikimi("check", "good", "bad")
        assert done.stdout.startswith("bad/evil.yml:9: refused: Rule 1: ")
        assert "2 files: 1 rules loaded, 1 refused" in done.stderr
        assert "attacktag, d3_fendtag" in done.stderr

    def test_a_warning_fails_only_when_strict(self, jikimi: Jikimi, tmp_path: Path) -> None:
        write_rules(tmp_path / "good", odd=process_rule(2, field="Comandline"))
        assert jikimi("check", "good").exit_code == 0
        assert jikimi("check", "--strict", "good").exit_code == 1

    def test_a_folder_that_is_not_there_or_empty_is_one_sentence(self, jikimi: Jikimi, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for folder in ("nosuch", "empty"):
            done = jikimi("check", folder)
            assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
            assert folder in done.stderr

    @pytest.mark.parametrize("command", ["check", "test"])
    def test_json_of_a_folder_without_rules_is_an_object_too(
        self, jikimi: Jikimi, tmp_path: Path, command: str
    ) -> None:
        (tmp_path / "empty").mkdir()
        done = jikimi(command, "--json", "empty")
        told = one_object(done)
        assert (done.exit_code, told["files"], told["loaded"], told["refused"]) == (2, 0, 0, [])
        assert done.stderr == "jikimi: no rule (.yml, .yaml) in empty\n"


class TestTest:
    def test_each_sample_is_a_line_and_a_failure_fails(self, jikimi: Jikimi, tmp_path: Path) -> None:
        sample = {
            "rule": "00000000-0000-4000-8000-000000000001",
            "why": "as it is",
            "logsource": {"product": "windows"},
        }
        event = {**EVENT, "@timestamp": MOMENTS[0], "CommandLine": "evil.exe"}
        lines = [json.dumps({**sample, "expect": expect, "events": [event]}) for expect in ("match", "no_match")]
        (tmp_path / "good" / "evil.samples.ndjson").write_text("\n".join(lines), encoding="utf-8")
        done = jikimi("test", "good")
        assert done.exit_code == 1
        ok, failed, why = done.stdout.splitlines()
        assert ok == "ok    good/evil.samples.ndjson:1  Rule 1: match: as it is"
        assert failed.startswith("FAIL  good/evil.samples.ndjson:2")
        assert "the rule fires" in why
        assert "1 passed, 1 failed" in done.stderr
        assert one_object(jikimi("test", "--json", "good"))["failed"] == 1

    def test_our_own_rules_are_meant_without_a_folder(self, jikimi: Jikimi) -> None:
        done = jikimi("test")
        assert (done.exit_code, "0 failed" in done.stderr) == (0, True)


class TestBacktest:
    def test_hits_are_told_by_day_with_examples(self, jikimi: Jikimi) -> None:
        done = jikimi("backtest", "good", "events.ndjson")
        assert done.exit_code == 0
        assert "2026-11-20 … 2026-11-22" in done.stdout
        assert "▄ █" in done.stdout
        assert "most on 2026-11-22: 2" in done.stdout
        assert "3 events" in done.stderr

    def test_json_is_one_object(self, jikimi: Jikimi) -> None:
        told = one_object(jikimi("backtest", "--json", "good", "events.ndjson"))
        assert (told["events"], told["hits"], told["complete"]) == (3, 3, True)
        assert told["rules"][0]["by_day"] == {"2026-11-20": 1, "2026-11-22": 2}

    def test_a_file_that_is_written_newest_first_gives_the_same(self, jikimi: Jikimi, tmp_path: Path) -> None:
        lines = (tmp_path / "events.ndjson").read_text(encoding="utf-8").splitlines()
        (tmp_path / "back.ndjson").write_text("\n".join(reversed(lines)), encoding="utf-8")
        counted = "rules: [00000000-0000-4000-8000-000000000001], group-by: [Computer]"
        (tmp_path / "good" / "often.yml").write_text(
            "title: Often\nid: 00000000-0000-4000-8000-00000000000a\nlevel: low\n"
            f"correlation: {{type: event_count, {counted}, timespan: 1d, condition: {{gte: 1}}}}"
        )
        told = [one_object(jikimi("backtest", "--json", "good", file)) for file in ("events.ndjson", "back.ndjson")]
        there, back = ([(rule["title"], rule["by_day"]) for rule in one["rules"]] for one in told)
        assert there == back
        assert told[0]["hits"] == 2

    @pytest.mark.parametrize(
        ("options", "events"),
        [
            (["--from", "2026-11-21"], 2),
            (["--to", "2026-11-22T02:14:00Z"], 2),
            (["--from", "2026-11-22T11:13+09:00", "--to", "2026-11-22T11:14+09:00"], 1),
            (["--to", "1m"], 3),
        ],
    )
    def test_only_the_time_asked_for_is_read(self, jikimi: Jikimi, options: list[str], events: int) -> None:
        assert one_object(jikimi("backtest", "--json", *options, "good", "events.ndjson"))["events"] == events

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["events.ndjson"], "no rule (.yml) among events.ndjson"),
            (["bad", "events.ndjson"], "nosuch"),
            (["good", "nosuch.ndjson"], "nosuch.ndjson: no such file"),
            (["good", "events.ndjson", "--from", "yesterday"], "'yesterday' is no time"),
            (["good", "events.ndjson", "--from", "2026-11-22", "--to", "2026-11-21"], "not later"),
            (["good", "events.ndjson", "--tenant", "한빛정밀"], "files belong to none"),
            (["good", "--data", "nosuch"], "holds no event store"),
        ],
    )
    def test_wrong_input_gets_one_sentence_and_exit_code_2(
        self, jikimi: Jikimi, arguments: list[str], sentence: str
    ) -> None:
        done = jikimi("backtest", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert sentence in line

    def test_no_hit_is_no_error(self, jikimi: Jikimi, tmp_path: Path) -> None:
        done = jikimi(
            "backtest", str(write_rules(tmp_path / "other", a=process_rule(2, "nothing.exe"))), "events.ndjson"
        )
        assert (done.exit_code, "no hit in 3 events" in done.stdout) == (0, True)

    def test_the_store_of_a_stopped_centre_is_read(self, jikimi: Jikimi, tmp_path: Path) -> None:
        data = tmp_path / "centre"
        data.mkdir()
        upgrade(data / "centre.db")
        asyncio.run(_store_evil(data, "한빛정밀", 5))
        told = one_object(jikimi("backtest", "--json", "good", "--data", str(data), "--tenant", "한빛정밀"))
        assert (told["events"], told["rules"][0]["by_tenant"]) == (5, {"한빛정밀": 5})


async def _store_evil(data: Path, company: str, count: int) -> None:
    async with Database.sqlite(data / "centre.db") as database, await EventStore.open(data / "events") as store:
        async with database.write() as connection:
            tenant = (await tenants.create_tenant(connection, company, at=NOON)).id
        source = LogSource("windows", "process_creation")
        await store.insert(
            [batch_of(events_of(count, CommandLine="evil.exe"), tenant_id=tenant, logsource=source)], token="t"
        )


class TestCoverage:
    def test_a_table_json_a_page_and_a_layer(self, jikimi: Jikimi, tmp_path: Path) -> None:
        assert "T1059 1" in jikimi("coverage", "--rules", "good").stdout
        told = one_object(jikimi("coverage", "--rules", "good", "--json"))
        assert (told["rules"], told["seeing"]) == (1, 1)
        done = jikimi("coverage", "--rules", "good", "--html", "page.html", "--navigator", "layer.json")
        assert (done.exit_code, done.stdout) == (0, "")
        assert "T1059" in (tmp_path / "page.html").read_text(encoding="utf-8")
        layer = json.loads((tmp_path / "layer.json").read_text(encoding="utf-8"))
        assert [one["techniqueID"] for one in layer["techniques"]] == ["T1059"]

    def test_a_file_that_cannot_be_written_is_one_sentence(self, jikimi: Jikimi) -> None:
        done = jikimi("coverage", "--rules", "good", "--html", "nosuch/page.html")
        assert (done.exit_code, "nosuch/page.html: cannot be written" in done.stderr) == (2, True)


class TestFetch:
    def test_a_local_package_is_unpacked_and_what_nobody_verified_is_said(self, jikimi: Jikimi, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "p.zip", "w") as package:
            package.writestr("rules/a.yml", process_rule(1))
        done = jikimi("fetch", "--from", "p.zip", "--into", "sigma")
        assert (done.exit_code, "now holds" in done.stdout, "not verified" in done.stderr) == (0, True, True)
        assert jikimi("check", "sigma").exit_code == 0
        assert one_object(jikimi("fetch", "--from", "p.zip", "--into", "sigma", "--json"))["changed"] is False

    def test_what_is_not_as_stated_changes_nothing(self, jikimi: Jikimi, tmp_path: Path) -> None:
        (tmp_path / "p.zip").write_bytes(b"")
        done = jikimi("fetch", "--from", "p.zip", "--sha256", "0" * 64, "--into", "sigma")
        assert (done.exit_code, (tmp_path / "sigma").exists()) == (2, False)
        assert "--sha256 states" in done.stderr


class TestDiff:
    def test_differences_are_lines_and_exit_code_1(self, jikimi: Jikimi, tmp_path: Path) -> None:
        write_rules(tmp_path / "next", evil=process_rule(1, "other.exe"), more=process_rule(2, "evil.exe"))
        done = jikimi("diff", "good", "next", "--backtest", "events.ndjson")
        assert done.exit_code == 1
        assert [line.split()[0] for line in done.stdout.splitlines()] == ["added", "meaning", "hits", "hits"]
        assert "hits     3 → 0  Rule 1" in done.stdout
        told = one_object(jikimi("diff", "--json", "good", "next"))
        assert [one["title"] for one in told["meaning"]] == ["Rule 1"]

    def test_nothing_different_is_exit_code_0(self, jikimi: Jikimi) -> None:
        done = jikimi("diff", "good", "good", "--backtest", "events.ndjson")
        assert (done.exit_code, done.stdout) == (0, "hits     the same of every rule\n")


@pytest.mark.parametrize("command", ["check", "test", "backtest", "coverage", "fetch", "diff"])
def test_help_shows_examples_and_exit_codes(jikimi: Jikimi, command: str) -> None:
    done = jikimi(command, "--help")
    assert done.exit_code == 0
    assert f"jikimi rules {command}" in done.stdout.partition("Examples")[2]
    assert "Exit code" in done.stdout


def _started(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", "from jikimi.cli import app; app()", "rules", *arguments],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_closed_pipe_is_quiet(jikimi: Jikimi, tmp_path: Path) -> None:
    many = {f"r{n}": process_rule(n, "x", field="CommandLine|nosuch", title="x" * 500) for n in range(400)}
    write_rules(tmp_path / "many", **many)
    with _started(tmp_path, "check", "many") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(timeout=60)
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


def test_an_interrupt_ends_it_without_a_traceback(jikimi: Jikimi, tmp_path: Path) -> None:
    """A pipe that never ends stands for a long read."""
    os.mkfifo(tmp_path / "endless.ndjson")
    with _started(tmp_path, "backtest", "good", "endless.ndjson") as process:
        writer = os.open(tmp_path / "endless.ndjson", os.O_WRONLY)  # opens once the command reads
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        os.close(writer)
    assert process.returncode not in (0, -signal.SIGINT)
    assert "Traceback" not in errors


def test_a_sparkline_has_a_letter_a_day_and_sums_neighbours_when_there_are_many() -> None:
    assert sparkline([0, 1, 8]) == " ▁█"
    assert sparkline([]) == ""
    assert len(sparkline([1] * 365)) <= 60
