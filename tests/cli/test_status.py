"""`jikimi status` asks the running centre, else reads its files; a wrong folder gets one sentence and exit 2."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jikimi.cli import app
from jikimi.settings import DataDir
from jikimi.storage.migrate import upgrade
from jikimi.stream.folder_lock import FolderLock


class Centre(BaseHTTPRequestHandler):
    """Answers as /v1/admin/status does."""

    code, body = 200, b'{"events_accepted": 77}'

    def do_GET(self) -> None:
        right = self.headers["Authorization"] == "Bearer secret" and self.path == "/v1/admin/status"
        self.send_response(self.code if right else 401)
        self.end_headers()
        self.wfile.write(self.body if right else b"{}")

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    upgrade(tmp_path / "centre.db")
    return DataDir(tmp_path)


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Centre)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def status(data: DataDir, *more: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["status", "--data", str(data.root), *more])
    return result.exit_code, result.stdout, result.stderr


def test_reads_the_files_when_nothing_runs(data: DataDir) -> None:
    code, out, _ = status(data, "--json")
    assert code == 0
    assert json.loads(out)["incidents"] == {"total": 0, "new": 0, "acknowledged": 0, "closed": 0}


def test_reads_log_and_store_where_they_are(data: DataDir) -> None:
    data.log.mkdir()
    data.events.mkdir()
    code, out, err = status(data, "--json")
    assert code == 0, err
    assert json.loads(out)["lag"] == {"detector": 0, "archive": 0}


def test_asks_the_running_centre(data: DataDir, address: str) -> None:
    data.address.write_text(address + "\n")
    data.admin_token.write_text("secret\n")
    code, out, _ = status(data, "--json")
    assert (code, json.loads(out)) == (0, {"events_accepted": 77})


def test_reads_the_files_when_the_centre_was_killed_and_left_its_address(data: DataDir) -> None:
    data.address.write_text("http://127.0.0.1:1")
    data.admin_token.write_text("secret")
    code, out, _ = status(data, "--json")
    assert (code, json.loads(out)["events_accepted"]) == (0, 0)


def test_a_centre_that_is_still_starting_is_not_disturbed(data: DataDir) -> None:
    lock = FolderLock(data.root)
    code, out, err = status(data)
    lock.release()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "ask again in a moment" in err


def test_a_centre_that_refuses_is_told_in_one_sentence(data: DataDir, address: str) -> None:
    data.address.write_text(address)
    data.admin_token.write_text("not the secret")
    code, out, err = status(data)
    assert (code, out) == (1, "")
    assert err.startswith("jikimi status: the centre at http://127.0.0.1:")


def test_the_table_has_plain_words_in_line(data: DataDir) -> None:
    code, out, _ = status(data)
    assert code == 0
    numbered = [line for line in out.splitlines() if line.endswith("0")]
    assert {len(line) for line in numbered} == {48}
    assert "Events accepted" in out


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_that_is_no_data_folder_gets_one_sentence_and_exit_2(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = status(DataDir(tmp_path / name))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert str(tmp_path / name) in err
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]


def test_a_database_that_is_none_gets_one_sentence_and_exit_2(tmp_path: Path) -> None:
    DataDir(tmp_path).database.write_bytes(b"dear reader " * 1000)
    code, _, err = status(DataDir(tmp_path))
    assert (code, err.count("\n")) == (2, 1)
