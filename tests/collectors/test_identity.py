"""Enrolment and the credential file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.http import Client
from collectors.identity import Identity, enrol, load, save
from jikimi.errors import Misconfigured, Refused, Transient
from tests.collectors.centre import Centre, serving

IDENTITY = Identity("http://127.0.0.1:1", "a1", "t1", "d1", "회계PC-03", "secret")


@pytest.fixture
def centre() -> Iterator[Centre]:
    with serving(Centre()) as running:
        yield running


async def _enrol(url: str, token: str = "good-token") -> Identity:
    async with Client(5) as client:
        return await enrol(client, url, token=token, device="회계PC-03", operating_system="Linux", kind="replay")


async def test_a_token_becomes_an_identity(centre: Centre) -> None:
    identity = await _enrol(centre.url + "/")
    assert identity == Identity(centre.url, "a1", "t1", "d1", "회계PC-03", "secret")
    assert (centre.enrolled[0]["kind"], centre.enrolled[0]["device"]) == ("replay", "회계PC-03")


async def test_a_bad_token_is_refused_with_the_centres_words(centre: Centre) -> None:
    with pytest.raises(Refused, match="unknown"):
        await _enrol(centre.url, "stolen")


async def test_a_centre_that_is_away_may_be_tried_again_and_a_bad_address_not() -> None:
    with pytest.raises(Transient, match="no answer"):
        await _enrol("http://127.0.0.1:9")
    with pytest.raises(Misconfigured, match="not an address"):
        await _enrol("gopher://example.com")


async def test_an_address_that_is_no_centre_is_told(centre: Centre) -> None:
    with pytest.raises(Misconfigured, match="not found"):
        await _enrol(centre.url + "/elsewhere")


def test_the_credential_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "agent" / "identity.json"
    save(IDENTITY, path)
    save(IDENTITY, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load(path) == IDENTITY
    assert [entry.name for entry in path.parent.iterdir()] == ["identity.json"]


def test_a_credential_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    save(IDENTITY, path)
    path.chmod(0o644)
    with pytest.raises(Misconfigured, match="others may read"):
        load(path)


def test_a_missing_or_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    with pytest.raises(Misconfigured, match="not enrolled"):
        load(path)
    path.write_text("{}")
    path.chmod(0o600)
    with pytest.raises(Misconfigured, match="damaged"):
        load(path)


def test_the_credential_is_not_shown() -> None:
    assert "secret" not in repr(IDENTITY)
