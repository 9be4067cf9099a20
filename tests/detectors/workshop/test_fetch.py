"""`fetch`: what is verified replaces what was there, whole; whatever is not leaves it as it was."""

import contextlib
import hashlib
import io
import json
import stat
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.workshop import download, unpack
from detectors.workshop.fetch import MANIFEST, Origin, fetch
from jikimi.errors import JikimiError, Misconfigured, Transient
from jikimi.stream.folder_lock import FolderLock
from jikimi.testing.batches import NOON
from tests.detectors.workshop.rule_folder import process_rule

RULE = process_rule(1).encode()


def zipped(**files: bytes) -> bytes:
    """`a__b=data` as a/b.yml."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"{name.replace('__', '/')}.yml", data)
    return packed.getvalue()


def odd_zip(name: str, data: bytes = RULE, mode: int = stat.S_IFREG | 0o644) -> bytes:
    """One member of any name and kind besides a good rule."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.yml", RULE)
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        archive.writestr(member, data)
    return packed.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def encrypted() -> bytes:
    """A package whose one member says that it is encrypted."""
    data = bytearray(zipped(a=RULE))
    data[6] |= 1
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


class Served:
    """A web server of this machine: answers by path."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[str] = []

    def put(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        self.answers[path] = (status, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return f"{self.address}{path}"

    def offer(self, tag: str, body: bytes, *, digest: str | None = None) -> Origin:
        """A release of that tag with one package."""
        url = self.put("/package.zip", body)
        asset = {"name": "sigma_all_rules.zip", "browser_download_url": url, "digest": digest}
        told = json.dumps({"tag_name": tag, "assets": [asset]}).encode()
        self.put("/api/latest", told)
        self.put(f"/api/tags/{tag}", told)
        return Origin(api=f"{self.address}/api")

    address = ""


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, served: Served, *arguments: object) -> None:
        self.served = served
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.served.asked.append(self.path)
        status, body, headers = self.served.answers.get(self.path, (404, b"", {}))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, served))
    served.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "sets" / "sigma"


def local(folder: Path, data: bytes, sha256: str | None = None) -> Origin:
    file = folder / "package.zip"
    file.write_bytes(data)
    return Origin(source=str(file), sha256=sha256)


def content(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_a_release_is_fetched_verified_and_recorded(web: Served, into: Path) -> None:
    data = zipped(rules__windows__a=RULE, broken=b"title: [")
    origin = web.offer("r2026-04-01", data, digest=f"sha256:{sha256(data)}")
    done = fetch(origin, into, NOON)
    assert content(into) == {"rules/windows/a.yml", "broken.yml", MANIFEST}
    of = done.manifest
    assert (done.changed, of.release, of.loaded, of.refused, of.sha256) == (True, "r2026-04-01", 1, 1, sha256(data))
    assert of.verified_by == "the release's published digest"
    assert list(into.parent.iterdir()) == [into]


def test_the_same_package_again_changes_nothing_and_a_new_one_replaces_the_whole(web: Served, into: Path) -> None:
    first, second = zipped(a=RULE), zipped(b=RULE)
    fetch(web.offer("r1", first, digest=f"sha256:{sha256(first)}"), into, NOON)
    again = fetch(web.offer("r1", first, digest=f"sha256:{sha256(first)}"), into, NOON)
    assert again.changed is False
    fetch(web.offer("r2", second, digest=f"sha256:{sha256(second)}"), into, NOON)
    assert content(into) == {"b.yml", MANIFEST}
    assert list(into.parent.iterdir()) == [into]


def test_a_release_by_tag_and_one_that_is_not_there(web: Served, into: Path) -> None:
    data = zipped(a=RULE)
    api = web.offer("r7", data, digest=f"sha256:{sha256(data)}").api
    assert fetch(Origin(release="r7", api=api), into, NOON).manifest.release == "r7"
    with pytest.raises(Misconfigured, match="no release r8"):
        fetch(Origin(release="r8", api=api), into, NOON)
    with pytest.raises(Misconfigured, match="no release tag"):
        fetch(Origin(release="../../x", api=api), into, NOON)
    with pytest.raises(Misconfigured, match=r"it has: sigma_all_rules\.zip"):
        fetch(Origin(package="core", api=api), into, NOON)


class TestWhatIsNotVerified:
    """leaves the folder as it was."""

    @pytest.fixture(autouse=True)
    def _before(self, tmp_path: Path, into: Path) -> Iterator[None]:
        fetch(local(tmp_path, zipped(before=RULE)), into, NOON)
        yield
        assert content(into) == {"before.yml", MANIFEST}
        assert list(into.parent.iterdir()) == [into]

    def test_another_digest_than_the_release_states(self, web: Served, into: Path) -> None:
        origin = web.offer("r1", zipped(evil=RULE), digest=f"sha256:{'0' * 64}")
        with pytest.raises(Misconfigured, match="published digest states"):
            fetch(origin, into, NOON)

    def test_another_sha256_than_the_pinned_one_even_when_the_release_states_it(self, web: Served, into: Path) -> None:
        data = zipped(evil=RULE)
        api = web.offer("r1", data, digest=f"sha256:{sha256(data)}").api
        with pytest.raises(Misconfigured, match="--sha256 states"):
            fetch(Origin(api=api, sha256="0" * 64), into, NOON)

    @pytest.mark.parametrize("digest", [None, "sha256:short", "md5:00"])
    def test_a_download_for_which_nobody_states_anything(self, web: Served, into: Path, digest: str | None) -> None:
        data = zipped(evil=RULE)
        with pytest.raises(Misconfigured, match=sha256(data)):
            fetch(web.offer("r1", data, digest=digest), into, NOON)

    def test_a_file_that_is_not_what_lies_beside_it(self, tmp_path: Path, into: Path) -> None:
        origin = local(tmp_path, zipped(evil=RULE))
        (tmp_path / "package.zip.sha256").write_text(f"{'0' * 64}  package.zip\n", encoding="ascii")
        with pytest.raises(Misconfigured, match=r"package\.zip\.sha256 states"):
            fetch(origin, into, NOON)

    @pytest.mark.parametrize(
        "data",
        [
            b"no zip at all",
            b"",
            zipped(a=RULE)[:-30],
            zipped(),
            zipped(a=b"title: ["),
            odd_zip("../evil.yml"),
            odd_zip("/etc/evil.yml"),
            odd_zip("a/../../evil.yml"),
            odd_zip("..\\evil.yml"),
            odd_zip("C:evil.yml"),
            odd_zip("link.yml", b"/etc/passwd", stat.S_IFLNK | 0o777),
            odd_zip("pipe.yml", b"", stat.S_IFIFO | 0o644),
            odd_zip("GOOD.yml"),
            encrypted(),
            odd_zip("bomb.yml", b"#" * (unpack.LARGEST_FILE + 1)),
        ],
        ids=[
            *("no zip", "nothing", "cut off", "no member", "no rule", "above", "absolute", "above by a way round"),
            *("backslashes", "drive", "link", "pipe", "capitals", "encrypted", "too large"),
        ],
    )
    def test_an_archive_that_no_rule_package_is(self, tmp_path: Path, into: Path, data: bytes) -> None:
        with pytest.raises(Misconfigured):
            fetch(local(tmp_path, data), into, NOON)

    def test_many_small_files_of_a_bomb(self, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(unpack, "LARGEST", 10 * len(RULE))
        with pytest.raises(Misconfigured, match="more than a rule package"):
            fetch(local(tmp_path, zipped(**{f"r{n}": RULE for n in range(11)})), into, NOON)

    def test_a_download_without_end(self, web: Served, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(download, "LARGEST", 1000)
        url = web.put("/big.zip", b"x" * 2000)
        with pytest.raises(Misconfigured, match="more than"):
            fetch(Origin(source=url, sha256="0" * 64), into, NOON)

    def test_a_line_that_breaks_in_the_middle_may_be_tried_again(self, web: Served, into: Path) -> None:
        url = web.put("/short.zip", b"x" * 10, Content_Length="1000")
        with pytest.raises(Transient, match="try again"):
            fetch(Origin(source=url, sha256="0" * 64), into, NOON)

    @pytest.mark.parametrize(("status", "kind"), [(404, Misconfigured), (403, Misconfigured), (503, Transient)])
    def test_an_address_that_refuses(self, web: Served, into: Path, status: int, kind: type[JikimiError]) -> None:
        with pytest.raises(kind, match=str(status)):
            fetch(Origin(source=web.put("/gone.zip", b"", status), sha256="0" * 64), into, NOON)

    def test_a_redirect_to_plain_http_elsewhere(self, web: Served, into: Path) -> None:
        url = web.put("/moved.zip", b"", 302, Location="http://rules.example.com/package.zip")
        with pytest.raises(Misconfigured, match="TLS only"):
            fetch(Origin(source=url, sha256="0" * 64), into, NOON)

    def test_nobody_listening(self, into: Path) -> None:
        with pytest.raises(Transient):
            fetch(Origin(source="https://127.0.0.1:1/x.zip", sha256="0" * 64), into, NOON)


def test_a_local_file_needs_no_network_and_says_when_nobody_verified_it(tmp_path: Path, into: Path) -> None:
    data = zipped(a=RULE)
    assert fetch(local(tmp_path, data), into, NOON).manifest.verified_by == ""
    other = zipped(b=RULE)
    assert fetch(local(tmp_path, other, sha256=sha256(other).upper()), into, NOON).manifest.verified_by == "--sha256"


def test_only_rules_and_notes_are_taken(tmp_path: Path, into: Path) -> None:
    fetch(local(tmp_path, odd_zip("install.sh", b"rm")), into, NOON)
    assert content(into) == {"good.yml", MANIFEST}


def test_a_folder_that_holds_something_else_is_not_deleted(tmp_path: Path, into: Path) -> None:
    into.mkdir(parents=True)
    (into / "my.yml").write_bytes(RULE)
    with pytest.raises(Misconfigured, match="not made by a fetch"):
        fetch(local(tmp_path, zipped(a=RULE)), into, NOON)
    assert content(into) == {"my.yml"}


@pytest.mark.parametrize("killed", [True, False])
def test_a_fetch_that_was_killed_between_the_renames_is_put_right(tmp_path: Path, into: Path, killed: bool) -> None:
    fetch(local(tmp_path, zipped(before=RULE)), into, NOON)
    old = into.with_name(".sigma.old")
    if killed:
        into.rename(old)
    else:
        old.mkdir()
    with pytest.raises(Misconfigured):
        fetch(local(tmp_path, b"no zip"), into, NOON)
    assert content(into) == {"before.yml", MANIFEST}
    assert not old.exists()


def test_what_a_killed_fetch_had_unpacked_is_gone_after_the_next(tmp_path: Path, into: Path) -> None:
    left = into.with_name(".sigma.new") / "rules" / "half.yml"
    left.parent.mkdir(parents=True)
    left.write_bytes(RULE)
    fetch(local(tmp_path, zipped(a=RULE)), into, NOON)
    assert content(into) == {"a.yml", MANIFEST}
    assert [path.name for path in into.parent.iterdir()] == [into.name]


def test_two_fetches_into_one_folder_are_refused_in_words(tmp_path: Path, into: Path) -> None:
    beside = into.with_name(".sigma.new")
    beside.mkdir(parents=True)
    other = FolderLock(beside)
    with pytest.raises(Transient, match="another fetch"):
        fetch(local(tmp_path, zipped(a=RULE)), into, NOON)
    other.release()
    assert not into.exists()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(0, 10_000), flip=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_archive_never_writes_outside_and_never_throws(
    tmp_path: Path, cut: int, flip: int, value: int
) -> None:
    data = bytearray(zipped(a=RULE, b__c=RULE))
    data[flip % len(data)] = value
    into = tmp_path / "sets" / "sigma"
    with contextlib.suppress(Misconfigured):
        fetch(local(tmp_path, bytes(data[: len(data) - cut % 3])), into, NOON)
    assert {path.name for path in tmp_path.iterdir()} <= {"package.zip", "sets"}
