"""Signatures: only by a trusted key, only over these bytes, only for this purpose."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from jikimi.errors import Misconfigured, Refused
from jikimi.signing import Signature, SigningKey, TrustedKeys

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def trust(folder: Path, *keys: SigningKey) -> TrustedKeys:
    folder.mkdir(exist_ok=True)
    for number, key in enumerate(keys):
        public = key.write(folder / f"key-{number}")
        (folder / f"key-{number}").unlink()
        assert public.parent == folder
    return TrustedKeys.read(folder)


def test_what_a_trusted_key_signed_is_believed(tmp_path: Path) -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    trusted = trust(tmp_path / "keys", other, key)
    trusted.verify("rules", b"message", key.sign("rules", b"message"))
    assert set(trusted.ids) == {key.id, other.id}


@pytest.mark.parametrize(
    ("purpose", "message"), [("rules", b"massage"), ("config", b"message"), ("rules", b"message ")]
)
def test_other_bytes_or_another_purpose_are_refused(tmp_path: Path, purpose: str, message: bytes) -> None:
    key = SigningKey.generate()
    with pytest.raises(Refused, match="does not fit"):
        trust(tmp_path / "keys", key).verify(purpose, message, key.sign("rules", b"message"))


def test_a_key_that_was_taken_away_is_refused_and_one_that_stayed_is_not(tmp_path: Path) -> None:
    old, new = SigningKey.generate(), SigningKey.generate()
    trust(tmp_path / "keys", old, new)
    (tmp_path / "keys" / "key-0.pub").unlink()
    trusted = TrustedKeys.read(tmp_path / "keys")
    trusted.verify("rules", b"m", new.sign("rules", b"m"))
    with pytest.raises(Refused, match=old.id):
        trusted.verify("rules", b"m", old.sign("rules", b"m"))


def test_a_signature_under_another_trusted_keys_name_is_refused(tmp_path: Path) -> None:
    one, two = SigningKey.generate(), SigningKey.generate()
    forged = Signature(two.id, one.sign("rules", b"m").value)
    with pytest.raises(Refused):
        trust(tmp_path / "keys", one, two).verify("rules", b"m", forged)


def test_a_private_key_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    key = SigningKey.generate()
    key.write(tmp_path / "release")
    assert stat.S_IMODE((tmp_path / "release").stat().st_mode) == 0o600
    assert SigningKey.read(tmp_path / "release").id == key.id
    with pytest.raises(Misconfigured, match="release"):
        SigningKey.generate().write(tmp_path / "release")


@needs_openssl
def test_keys_made_by_openssl_are_read(tmp_path: Path) -> None:
    private, public = tmp_path / "k", tmp_path / "k.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    key = SigningKey.read(private)
    TrustedKeys.read(tmp_path).verify("rules", b"m", key.sign("rules", b"m"))


@needs_openssl
@pytest.mark.parametrize("algorithm", ["x25519", "rsa"])
def test_a_key_of_another_kind_is_refused_in_words(tmp_path: Path, algorithm: str) -> None:
    private, public = tmp_path / "k", tmp_path / "k.pub"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", algorithm, "-out", private], check=True, stderr=subprocess.DEVNULL
    )
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    with pytest.raises(Misconfigured, match="Ed25519"):
        SigningKey.read(private)
    with pytest.raises(Misconfigured, match="Ed25519"):
        TrustedKeys.read(tmp_path)


def test_a_file_that_is_no_key_names_itself(tmp_path: Path) -> None:
    (tmp_path / "junk.pub").write_text("hello")
    with pytest.raises(Misconfigured, match=r"junk\.pub"):
        TrustedKeys.read(tmp_path)
    with pytest.raises(Misconfigured, match="junk"):
        SigningKey.read(tmp_path / "junk.pub")


def test_without_a_folder_nobody_is_trusted(tmp_path: Path) -> None:
    key = SigningKey.generate()
    with pytest.raises(Refused, match="not among the 0 trusted"):
        TrustedKeys.read(tmp_path / "none").verify("rules", b"m", key.sign("rules", b"m"))
