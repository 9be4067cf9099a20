"""`jikimi rules stage | except | bundle …` against a real server: what they print and how they end."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jikimi.cli import app
from tests.detectors.release.watch import RULES
from tests.integration.served import Served, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("centre") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def title(server: Served) -> str:
    found = json.loads(rules(server, "list", "--json").stdout)
    return str(next(rule["title"] for rule in found if rule["stage"] == "live"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["rules", *words])


def rules(server: Served, *words: str) -> Result:
    return run(*words, "--data", str(server.data))


def test_a_rule_is_staged_and_found_under_its_stage(server: Served, title: str) -> None:
    staged = rules(server, "stage", title, "shadow", "--why", "too loud")
    assert staged.exit_code == 0, staged.output
    assert "shadow" in staged.stdout
    assert title in rules(server, "list", "--stage", "shadow").stdout
    assert rules(server, "promote", title, "--why", "good").exit_code == 0
    assert title not in rules(server, "list", "--stage", "shadow").stdout
    assert "too loud" in rules(server, "history").stdout


def test_an_exception_without_a_filter_file_is_refused_in_one_sentence(server: Served, title: str) -> None:
    words = ("--rule", title, "--filter", "/nowhere.yml", "--owner", "kim", "--reason", "x", "--until", "2027-01-01")
    refused = rules(server, "except", *words)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "/nowhere.yml" in refused.stderr


def test_an_unknown_rule_is_refused_with_exit_2(server: Served) -> None:
    refused = rules(server, "release", "nobody", "--why", "x")
    assert refused.exit_code == 2
    assert "rules list" in refused.stderr


def test_without_a_running_centre_the_way_to_start_one_is_told(tmp_path: Path) -> None:
    away = run("list", "--data", str(tmp_path))
    assert away.exit_code == 1
    assert "jikimi up --data" in away.stderr


def test_a_bundle_is_made_shown_verified_and_installed(server: Served, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    for name, text in RULES.items():
        (pack / name).write_text(text)
    key, file = tmp_path / "key", tmp_path / "rules.jikimi"
    assert run("bundle", "keygen", str(key)).exit_code == 0
    make = ("bundle", "make", str(pack), "--key", str(key), "--out", str(file))
    made = run(*make, "--version", "4", "--note", "first")
    assert made.exit_code == 0, made.output
    assert "4 rules" in made.stdout
    distrusted = rules(server, "bundle", "install", str(file))
    assert distrusted.exit_code == 2
    assert "trusted" in distrusted.stderr
    trusted = server.data / "trusted-keys"
    trusted.mkdir()
    (trusted / "key.pub").write_bytes((tmp_path / "key.pub").read_bytes())
    assert "version 4" in rules(server, "bundle", "verify", str(file)).stdout
    shown = json.loads(rules(server, "bundle", "show", str(file), "--json").stdout)
    assert (shown["version"], shown["files"], shown["note"]) == (4, 3, "first")
    installed = rules(server, "bundle", "install", str(file), "--json")
    assert installed.exit_code == 0, installed.output
    assert json.loads(installed.stdout)["version"] == 4


def test_a_bundle_that_was_touched_is_not_good(server: Served, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"jikimi-rules 1 " + b"0" * 32 + b" " + b"0" * 128 + b"\n{}\n")
    refused = rules(server, "bundle", "verify", str(tmp_path / "b"))
    assert (refused.exit_code, refused.stdout) == (1, "")


def test_every_command_says_what_it_is_for_with_an_example() -> None:
    for words in (("stage",), ("except",), ("reload",), ("list",), ("bundle", "make"), ("bundle", "keygen")):
        shown = run(*words, "--help")
        assert shown.exit_code == 0
        assert "jikimi rules" in shown.stdout


def test_a_date_in_the_past_is_refused(server: Served, title: str, tmp_path: Path) -> None:
    (tmp_path / "f.yml").write_text(
        "title: x\nlogsource: {product: jikimi}\nfilter: {rules: any, a: {b: c}, condition: not a}", encoding="utf-8"
    )
    CliRunner().invoke(app, ["admin", "tenant", "add", "한빛정밀", "--data", str(server.data)])
    words = ("--rule", title, "--filter", str(tmp_path / "f.yml"), "--owner", "kim", "--reason", "x")
    refused = rules(server, "except", *words, "--until", f"{datetime.now(UTC).year - 1}-01-01")
    assert refused.exit_code == 2
    assert "expired before it began" in refused.stderr
