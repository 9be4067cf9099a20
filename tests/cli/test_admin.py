"""`jikimi admin …` against a real server: what it prints, and the exit code of every refusal."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jikimi.cli import app
from tests.integration.served import Served, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("centre") / "data") as running:
        yield running


def admin(server: Served, *words: str) -> Result:
    return CliRunner().invoke(app, ["admin", *words, "--data", str(server.data)])


@pytest.fixture(scope="module")
def company(server: Served) -> str:
    name = "주식회사 한빛정밀"
    added = admin(server, "tenant", "add", name, "--work-start", "08:30", "--json")
    assert added.exit_code == 0, added.output
    assert json.loads(added.stdout)["name"] == name
    return name


def test_companies_are_listed_in_a_table(server: Served, company: str) -> None:
    lines = admin(server, "tenant", "list").stdout.splitlines()
    assert lines[0].split() == ["name", "zone", "language", "id"]
    assert lines[1].startswith(f"{company}  Asia/Seoul")


def test_a_token_is_printed_with_its_company(server: Served, company: str) -> None:
    created = admin(server, "token", "create", "--uses", "3")
    assert created.exit_code == 0
    assert created.stdout.splitlines()[0].startswith("token")
    assert company in created.stdout


def test_a_contact_a_site_and_a_serial_are_added(server: Served, company: str) -> None:
    for words in (
        ("contact", "add", "김담당", "--tenant", company, "--phone", "010-0000-0000"),
        ("site", "add", "창원공장"),
        ("placeholder", "set", "DomainControllers", "DC01", "DC-*"),
        ("device-passport", "allow", "--serial", "4C530001230512", "--holder", "김하늘", "--by", "이부장"),
    ):
        assert admin(server, *words).exit_code == 0
    assert "김담당" in admin(server, "contact", "list").stdout
    assert "DC-*" in admin(server, "placeholder", "list").stdout
    assert admin(server, "token", "create", "--site", "창원공장").exit_code == 0


def test_a_user_gets_a_password_that_is_shown_once(server: Served) -> None:
    added = json.loads(admin(server, "user", "add", "minsu", "--name", "김민수", "--json").stdout)
    assert len(added["password"]) >= 16
    assert added["password"] not in admin(server, "user", "list", "--json").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("token", "create", "--tenant", "없는회사"), "없는회사"),
        (("contact", "add", "김담당"), "needs an e-mail address or a phone number"),
        (("agent", "revoke", "nobody"), "agent list"),
        (("tenant", "add", "가", "--zone", "Mars/Olympus"), "time zone"),
        (("token", "create", "--minutes", "0"), "minutes"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_2(
    server: Served, company: str, words: tuple[str, ...], sentence: str
) -> None:
    refused = admin(server, *words)
    assert refused.exit_code == 2
    assert refused.stdout == ""
    (line,) = refused.stderr.splitlines()
    assert sentence in line


def test_without_a_running_centre_the_way_to_start_one_is_told(tmp_path: Path) -> None:
    away = CliRunner().invoke(app, ["admin", "tenant", "list", "--data", str(tmp_path)])
    assert away.exit_code == 1
    assert "jikimi up --data" in away.stderr


def test_every_command_says_what_it_is_for_with_an_example() -> None:
    for words in (("tenant", "add"), ("token", "create"), ("contact", "add"), ("user", "add"), ("agent", "revoke")):
        shown = CliRunner().invoke(app, ["admin", *words, "--help"])
        assert shown.exit_code == 0
        assert "jikimi admin" in shown.stdout
