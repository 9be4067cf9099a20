"""An agent takes what its own centre signed for it, newer than what it has; nothing else."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.config_keys import ConfigKeys
from collectors import verify
from collectors.config import Config, Offered, accepted
from collectors.identity import Identity
from collectors.verify import Question
from jikimi.domain.agent_config import VALID_FOR, Document, Signed
from jikimi.domain.passport import MediaRegister, allowing
from jikimi.errors import Refused

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
SETTINGS = {"protect": ["/srv/설계"], "caps": {"cpu_percent": 20}}
REGISTER = allowing("KNOWN-1", since=NOW)


@pytest.fixture
def keys(tmp_path: Path) -> ConfigKeys:
    return ConfigKeys.open(tmp_path / "keys")


def enrolled(key: str) -> Identity:
    return Identity("http://127.0.0.1:9", "a1", "t1", "d1", "pc-1", "secret", key)


def document(**changes: Any) -> Document:
    usual = Document("t1", "d1", 5, NOW, NOW + VALID_FOR, REGISTER, SETTINGS)
    return msgspec.structs.replace(usual, **changes)


def offered(keys: ConfigKeys, **changes: Any) -> Offered:
    """Around the signed document something else that nobody signed."""
    return Offered(99, MediaRegister(), True, keys.sign(document(**changes)))


async def test_what_the_centre_signed_is_taken_and_nothing_from_around_it(keys: ConfigKeys) -> None:
    taken = await accepted(enrolled(keys.public), Config(4), offered(keys), NOW)
    assert taken == Config(5, REGISTER, SETTINGS, keys.public)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"device_id": "d2"}, "another computer"),
        ({"tenant_id": "t2"}, "another computer"),
        ({"version": 4}, "not newer"),
        ({"version": 3}, "not newer"),
        ({"expires_at": NOW}, "could be taken until"),
        ({"settings": {"lab_loop_is_removable": True}}, "lab_loop_is_removable"),
        ({"settings": {"protect": ["/srv/../etc"]}}, r"\.\."),
    ],
)
async def test_a_good_signature_is_not_enough(keys: ConfigKeys, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        await accepted(enrolled(keys.public), Config(4), offered(keys, **changes), NOW)


async def test_an_older_version_is_refused_before_anybody_looks_at_it(keys: ConfigKeys) -> None:
    for version in (4, 5):
        with pytest.raises(Refused, match="not newer"):
            await accepted(enrolled(keys.public), Config(5), Offered(version, signed=None), NOW)


async def test_an_agent_with_a_key_takes_nothing_unsigned(keys: ConfigKeys) -> None:
    with pytest.raises(Refused, match="not signed"):
        await accepted(enrolled(keys.public), Config(4), Offered(5, REGISTER), NOW)


async def test_an_agent_without_a_key_takes_the_register_and_no_settings(keys: ConfigKeys) -> None:
    stated = msgspec.structs.replace(offered(keys), version=5, media=REGISTER)
    assert await accepted(enrolled(""), Config(4), stated, NOW) == Config(5, REGISTER)


def test_no_byte_of_what_was_signed_can_be_changed(keys: ConfigKeys) -> None:
    signed = keys.sign(document())
    assert verify.judge(Question(keys.public, signed)).key == keys.public
    text = signed.document.encode()
    for place in range(len(text)):
        for bit in (1, 128):
            changed = bytearray(text)
            changed[place] ^= bit
            fake = msgspec.structs.replace(signed, document=changed.decode("latin-1"))
            assert not verify.judge(Question(keys.public, fake)).key
    for place in range(len(signed.signature)):
        digit = "0" if signed.signature[place] != "0" else "1"
        fake = msgspec.structs.replace(
            signed, signature=signed.signature[:place] + digit + signed.signature[place + 1 :]
        )
        assert not verify.judge(Question(keys.public, fake)).key


@pytest.mark.parametrize("signature", ["", "zz", "00", "é"])
def test_what_is_no_signature_is_refused_in_words(keys: ConfigKeys, signature: str) -> None:
    fake = msgspec.structs.replace(keys.sign(document()), signature=signature)
    assert verify.judge(Question(keys.public, fake)).refused


def test_another_centres_signature_is_refused(keys: ConfigKeys, tmp_path: Path) -> None:
    stranger = ConfigKeys.open(tmp_path / "stranger")
    verdict = verify.judge(Question(keys.public, stranger.sign(document())))
    assert (verdict.key, "not among" in verdict.refused) == ("", True)
    renamed = msgspec.structs.replace(
        stranger.sign(document()),
        key_id=keys.sign(document()).key_id,
        successions=stranger.sign(document()).successions,
    )
    assert not verify.judge(Question(keys.public, renamed)).key


class TestAChangeOfTheKey:
    def test_an_agent_that_was_away_follows_from_any_earlier_key(self, keys: ConfigKeys) -> None:
        pins = [keys.public]
        for _ in range(3):
            keys.rotate()
            pins.append(keys.public)
        signed = keys.sign(document())
        assert [verify.judge(Question(pin, signed)).key for pin in pins] == [keys.public] * 4

    def test_what_an_earlier_key_signed_is_refused_by_an_agent_that_knows_the_newer(self, keys: ConfigKeys) -> None:
        old = keys.sign(document())
        keys.rotate()
        assert not verify.judge(Question(keys.public, old)).key

    def test_a_key_that_its_predecessor_did_not_sign_is_not_followed(self, keys: ConfigKeys, tmp_path: Path) -> None:
        stranger = ConfigKeys.open(tmp_path / "stranger")
        first = keys.public
        keys.rotate()
        (link,) = keys.sign(document()).successions
        forged = msgspec.structs.replace(link, key=stranger.public)
        signed = msgspec.structs.replace(stranger.sign(document()), successions=(forged,))
        assert not verify.judge(Question(first, signed)).key

    def test_the_centre_goes_on_with_the_newest_key_after_a_restart(self, keys: ConfigKeys, tmp_path: Path) -> None:
        first = keys.public
        keys.rotate()
        again = ConfigKeys.open(tmp_path / "keys")
        assert again.public == keys.public != first
        assert verify.judge(Question(first, again.sign(document()))).key == keys.public

    def test_private_keys_are_their_owners_only(self, keys: ConfigKeys, tmp_path: Path) -> None:
        assert keys.public
        assert [path.stat().st_mode & 0o077 for path in (tmp_path / "keys").glob("*.key")] == [0]


async def test_the_checking_program_says_no_in_words(keys: ConfigKeys) -> None:
    signed = Signed("{}", "00", "00")
    with pytest.raises(Refused, match="not among"):
        await verify.ask(keys.public, signed)
