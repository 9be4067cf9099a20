"""Installing bundles: believed, newer, usable — or nothing changes and the reason is kept."""

import errno
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from detectors.release import bundle
from detectors.release.install import KEPT, install_at_start
from detectors.release.rows import read_versions
from jikimi.errors import Misconfigured
from jikimi.signing import SigningKey
from jikimi.storage.schema import rule_bundles, rule_history, rule_stages
from tests.detectors.release.test_follow import NEW
from tests.detectors.release.watch import RULES, Watch, shells, watch_in


@pytest.fixture
def key(watch: Watch) -> SigningKey:
    watch.library.trusted.mkdir()
    made = SigningKey.generate()
    made.write(watch.library.trusted / "release")
    return made


def bundled(watch: Watch, key: SigningKey, version: int, files: dict[str, str], **more: object) -> bytes:
    plain = {f"pack/{name}": text.encode() for name, text in files.items()}
    return bundle.make(plain, key, version=version, created=watch.now, **more)  # type: ignore[arg-type]


async def installed(watch: Watch) -> int:
    async with watch.database.read() as connection:
        return (await read_versions(connection)).bundle


async def test_a_bundle_is_watched_with_without_a_restart(watch: Watch, key: SigningKey) -> None:
    async with watch.working():
        await watch.desk.install(bundled(watch, key, 3, {"new.yml": NEW}), "kim")
        await watch.followed()
        await watch.look([{"Image": "/bin/new"}, *shells(1)])
    assert (await watch.found("A New Rule"), await watch.found("A Shell")) == (1, 1)


async def test_a_rule_of_the_bundle_takes_the_place_of_the_folders_rule_with_its_id(
    watch: Watch, key: SigningKey
) -> None:
    changed = RULES["shell.yml"].replace("A Shell", "A Better Shell")
    async with watch.working():
        told = await watch.desk.install(bundled(watch, key, 1, {"shell.yml": changed}), "kim")
        await watch.followed()
        await watch.look(shells(1))
    assert told["refused"] == []
    assert (await watch.found("A Better Shell"), await watch.found("A Shell")) == (1, 0)


async def test_rules_of_the_first_bundle_are_live_and_later_new_ones_begin_in_shadow(
    watch: Watch, key: SigningKey
) -> None:
    first = await watch.desk.install(bundled(watch, key, 1, {"shell.yml": RULES["shell.yml"]}), "kim")
    await watch.library.load(watch.database)
    second = await watch.desk.install(bundled(watch, key, 2, {"new.yml": NEW}), "kim")
    await watch.library.load(watch.database)
    newer = NEW.replace("000000000009", "000000000010")
    third = await watch.desk.install(bundled(watch, key, 4, {"new.yml": newer}, new_rules="live"), "kim")
    assert [told["entered_as_shadow"] for told in (first, second, third)] == [0, 1, 0]
    (row,) = await watch.rows(rule_stages)
    assert (row.rule_id, row.stage, row.why) == ("5a1c0a52-7d8b-4b8f-9d5e-000000000009", "shadow", "new in bundle 2")


@pytest.mark.parametrize("version", [1, 4, 5])
async def test_an_older_bundle_or_the_same_again_is_refused(watch: Watch, key: SigningKey, version: int) -> None:
    await watch.desk.install(bundled(watch, key, 5, {"new.yml": NEW}), "kim")
    with pytest.raises(Misconfigured, match="not above 5"):
        await watch.desk.install(bundled(watch, key, version, {"new.yml": NEW}), "kim")
    assert await installed(watch) == 5


async def test_what_is_refused_leaves_the_rules_as_they_are_and_the_reason_in_the_history(
    watch: Watch, key: SigningKey
) -> None:
    good = bundled(watch, key, 1, {"new.yml": NEW})
    stranger = bundled(watch, SigningKey.generate(), 2, {"new.yml": NEW})
    flipped = bytearray(good)
    flipped[-1] ^= 1
    useless = bundled(watch, key, 2, {"new.yml": NEW.replace("condition: sel", "condition: nothing")})
    expired = bundled(watch, key, 2, {"new.yml": NEW}, expires=watch.now - timedelta(days=1))
    async with watch.working():
        for content, words in (
            (stranger, "not among the 1 trusted"),
            (bytes(flipped), "SHA-256"),
            (useless, "no rule of the bundle can be used"),
            (expired, "it expired on"),
            (b"PK\x03\x04", "no rule bundle"),
        ):
            with pytest.raises(Misconfigured, match=words):
                await watch.desk.install(content, "kim")
            assert words.split()[0] in (await watch.rows(rule_history))[-1].detail["refused"]
        await watch.look(shells(2))
    assert (await installed(watch), await watch.rows(rule_bundles), await watch.found("A Shell")) == (0, [], 2)


async def test_a_bundle_in_which_a_running_rule_is_refused_is_not_installed(watch: Watch, key: SigningKey) -> None:
    newer = NEW.replace("000000000009", "000000000010").replace("A New Rule", "Newer")
    async with watch.working():
        await watch.desk.install(bundled(watch, key, 1, {"new.yml": NEW}), "kim")
        await watch.followed()
        slipped = {"new.yml": NEW.replace("endswith", "enswith"), "newer.yml": newer}
        with pytest.raises(Misconfigured, match="rules that run would be lost"):
            await watch.desk.install(bundled(watch, key, 2, slipped), "kim")
        await watch.look([{"Image": "/bin/new"}])
    assert (await installed(watch), await watch.found("A New Rule")) == (1, 1)


async def test_an_installed_bundle_outlives_a_restart_and_is_verified_again(tmp_path: Path) -> None:
    async with watch_in(tmp_path) as watch:
        watch.library.trusted.mkdir()
        key = SigningKey.generate()
        public = key.write(watch.library.trusted / "release")
        await watch.desk.install(bundled(watch, key, 7, {"new.yml": NEW}), "kim")
    async with watch_in(tmp_path) as watch:
        assert "5a1c0a52-7d8b-4b8f-9d5e-000000000009" in watch.library.current.rules.by_id
        public.unlink()
        with pytest.raises(Misconfigured, match="bundle 7 cannot be used: signed with the key"):
            await watch.library.load(watch.database)


async def test_a_tampered_copy_on_disk_is_written_anew(watch: Watch, key: SigningKey) -> None:
    await watch.desk.install(bundled(watch, key, 1, {"new.yml": NEW}), "kim")
    (unpacked,) = (watch.folder / "unpacked").rglob("new.yml")
    unpacked.write_text("title: evil")
    loaded = await watch.library.load(watch.database)
    assert "5a1c0a52-7d8b-4b8f-9d5e-000000000009" in loaded.rules.by_id


async def test_the_folder_of_a_bundle_is_there_while_it_is_read_anew(
    watch: Watch, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch.desk.install(bundled(watch, key, 1, {"new.yml": NEW}), "kim")
    await watch.library.load(watch.database)
    (place, *_) = watch.library.places
    there: list[bool] = []

    def seen(found: bundle.Bundle, folder: Path, unpack: Callable[..., None] = bundle.unpack) -> None:
        unpack(found, folder)
        there.append(any(place.rglob("new.yml")))

    monkeypatch.setattr(bundle, "unpack", seen)
    await watch.library.load(watch.database)
    assert there == [True]
    assert [one.name for one in place.parent.iterdir()] == [place.name]


async def test_a_full_disk_leaves_the_bundle_that_was(
    watch: Watch, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch.desk.install(bundled(watch, key, 1, {"new.yml": NEW}), "kim")
    await watch.library.load(watch.database)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bundle, "unpack", full)
    with pytest.raises(Misconfigured, match="No space left"):
        await watch.desk.install(bundled(watch, key, 2, {"new.yml": NEW}), "kim")
    assert await installed(watch) == 1
    assert all(place.is_dir() for place in watch.library.places)


async def test_keys_change_by_adding_the_new_and_then_taking_the_old_away(watch: Watch, key: SigningKey) -> None:
    new = SigningKey.generate()
    new.write(watch.library.trusted / "next")
    await watch.desk.install(bundled(watch, key, 1, {"new.yml": NEW}), "kim")
    await watch.desk.install(bundled(watch, new, 2, {"new.yml": NEW}), "kim")
    (watch.library.trusted / "release.pub").unlink()
    assert (await watch.library.load(watch.database)).versions.bundle == 2
    with pytest.raises(Misconfigured, match="not among the 1 trusted"):
        await watch.desk.install(bundled(watch, key, 3, {"new.yml": NEW}), "kim")


async def test_the_bundle_given_at_every_start_is_installed_once(watch: Watch, key: SigningKey) -> None:
    content = bundled(watch, key, 1, {"new.yml": NEW})
    for _ in range(2):
        await install_at_start(watch.database, watch.library, content, watch.now)
    assert len(await watch.rows(rule_history)) == 1
    with pytest.raises(Misconfigured, match="not above 1"):
        await install_at_start(watch.database, watch.library, bundled(watch, key, 1, RULES), watch.now)


async def test_old_bundles_are_not_kept_for_ever(watch: Watch, key: SigningKey) -> None:
    for version in range(1, KEPT + 3):
        await watch.desk.install(bundled(watch, key, version, {"new.yml": NEW}), "kim")
    assert sorted(row.version for row in await watch.rows(rule_bundles)) == [3, 4, 5]
