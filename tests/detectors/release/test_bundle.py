"""Rule bundles: exactly what was signed comes out, or nothing does."""

import io
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.release import bundle
from detectors.release.bundle import Listed, Manifest
from jikimi.errors import Misconfigured, Refused
from jikimi.signing import SigningKey, TrustedKeys

WHEN = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
FILES = {"pack/a.yml": b"title: a\n", "pack/sub/b.yml": b"title: b\n" * 50, "pack/a.samples.ndjson": b"{}\n"}
KEY = SigningKey.generate()


def trusted() -> TrustedKeys:
    return TrustedKeys({KEY.id: KEY._key.public_key()})


def made(version: int = 1) -> bytes:
    return bundle.make(FILES, KEY, version=version, created=WHEN)


def signed(manifest: Manifest, archive: bytes) -> bytes:
    """Signed with a trusted key, but not by `make`: what a careless or hostile holder of a key could sign."""
    line = msgspec.json.encode(manifest)
    signature = KEY.sign(bundle.PURPOSE, line)
    return b"\n".join((f"jikimi-rules 1 {KEY.id} {signature.value.hex()}".encode(), line, archive))


def archive_of(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(data), kind, "/etc/passwd"
            tar.addfile(member, io.BytesIO(data))
    return zstandard.compress(packed.getvalue())


def listing(*members: tuple[str, bytes]) -> dict[str, Listed]:
    return {name: Listed(bundle._hash(data), len(data)) for name, data in members}


def test_what_was_signed_comes_out(tmp_path: Path) -> None:
    found = bundle.verify(made(7), trusted())
    assert (found.manifest.version, found.key_id, dict(found.files)) == (7, KEY.id, FILES)
    bundle.unpack(found, tmp_path / "out")
    assert {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*.*")} == FILES


def test_the_same_rules_give_the_same_bundle() -> None:
    assert made() == made()


def test_standard_tools_list_it(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(made())
    packed = subprocess.run(["tail", "-n", "+3", tmp_path / "b"], check=True, capture_output=True).stdout
    assert packed == made().split(b"\n", 2)[2]
    with tarfile.open(fileobj=io.BytesIO(zstandard.decompress(packed))) as tar:
        assert sorted(tar.getnames()) == sorted(FILES)


@settings(max_examples=400, deadline=None)
@given(place=st.integers(0, len(made()) - 1), mask=st.integers(1, 255))
def test_any_byte_changed_is_refused(place: int, mask: int) -> None:
    content = bytearray(made())
    content[place] ^= mask
    with pytest.raises(Refused):
        bundle.verify(bytes(content), trusted())


@settings(max_examples=200, deadline=None)
@given(content=st.one_of(st.binary(max_size=400), st.integers(0, len(made()) - 1).map(lambda n: made()[:n])))
def test_junk_and_halves_are_refused_and_never_crash(content: bytes) -> None:
    with pytest.raises(Refused):
        bundle.verify(content, trusted())


def test_more_at_the_end_is_refused() -> None:
    with pytest.raises(Refused, match="SHA-256"):
        bundle.verify(made() + b"\0", trusted())


def test_an_unknown_key_is_refused_before_anything_is_read() -> None:
    with pytest.raises(Refused, match="not among the 0 trusted"):
        bundle.verify(made(), TrustedKeys({}))


@pytest.mark.parametrize(
    "path", ["../a.yml", "/etc/a.yml", "a/../../b.yml", "a//b.yml", "./a.yml", "a\\b.yml", "C:a.yml", "a.sh", "x\n.yml"]
)
def test_a_path_that_leads_elsewhere_is_refused_though_signed(path: str) -> None:
    archive = archive_of((path, b"x"))
    manifest = Manifest(1, WHEN, bundle._hash(archive), listing((path, b"x")))
    with pytest.raises(Refused, match="path"):
        bundle.verify(signed(manifest, archive), trusted())


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ([("a.yml", b"x"), ("b.yml", b"y")], [("a.yml", b"x")]),
        ([("a.yml", b"x")], [("a.yml", b"x"), ("b.yml", b"y")]),
        ([("a.yml", b"x"), ("a.yml", b"x")], [("a.yml", b"x")]),
        ([("a.yml", b"x")], [("a.yml", b"y")]),
        ([("a.yml", b"xx")], [("a.yml", b"x")]),
    ],
    ids=["one too many", "one missing", "one twice", "another content", "another size"],
)
def test_an_archive_that_is_not_its_manifest_is_refused_though_signed(
    held: list[tuple[str, bytes]], told: list[tuple[str, bytes]]
) -> None:
    archive = archive_of(*held)
    manifest = Manifest(1, WHEN, bundle._hash(archive), listing(*told))
    with pytest.raises(Refused, match="manifest"):
        bundle.verify(signed(manifest, archive), trusted())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_links_and_other_things_in_the_archive_are_refused(kind: bytes) -> None:
    archive = archive_of(("a.yml", b""), kind=kind)
    manifest = Manifest(1, WHEN, bundle._hash(archive), listing(("a.yml", b"")))
    with pytest.raises(Refused):
        bundle.verify(signed(manifest, archive), trusted())


def test_an_archive_that_unpacks_without_end_is_refused() -> None:
    archive = zstandard.compress(bytes(50 << 20))
    manifest = Manifest(1, WHEN, bundle._hash(archive), listing(("a.yml", b"x")))
    with pytest.raises(Refused, match="unpacks to more"):
        bundle.verify(signed(manifest, archive), trusted())


def test_a_manifest_that_promises_too_much_is_refused() -> None:
    archive = archive_of(("a.yml", b"x"))
    manifest = Manifest(1, WHEN, bundle._hash(archive), {"a.yml": Listed("0" * 64, bundle.MOST_UNPACKED + 1)})
    with pytest.raises(Refused, match="when unpacked"):
        bundle.verify(signed(manifest, archive), trusted())


@pytest.mark.parametrize("version", [0, -1, 1 << 53])
def test_a_version_that_is_none_cannot_be_made(version: int) -> None:
    with pytest.raises(Misconfigured, match="version"):
        made(version)


def test_rules_and_samples_of_folders_are_taken_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "pack" / "sub").mkdir(parents=True)
    for name in ("a.yml", "sub/b.yaml", "a.samples.ndjson", "notes.txt", "run.sh"):
        (tmp_path / "pack" / name).write_text(name)
    assert sorted(bundle.files_of([tmp_path / "pack"])) == ["pack/a.samples.ndjson", "pack/a.yml", "pack/sub/b.yaml"]


def test_a_folder_without_rules_makes_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no rule"):
        bundle.files_of([tmp_path])
