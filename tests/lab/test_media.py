"""Removable media as they come and go: a stick on a loop device."""

import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.passports import Passports
from collectors.sources.enforce import NotDone, enforce
from collectors.sources.media import Media
from collectors.sources.memory import Memory
from collectors.sources.mounts import MountTable
from collectors.sources.volumes import removable
from jikimi.domain.passport import DevicePassport, Enforcement, MediaRegister
from tests.lab.lab import Watching, do, mounted, stick


def test_a_stick_is_told_from_connecting_to_pulling_it_out(tmp_path: Path) -> None:
    with Watching(Media(Memory(tmp_path / "media.json"), loop_is_removable=True)) as watching:
        with stick(tmp_path / "stick.img", label="도면") as device:
            watching.until(lambda: watching.having(Action="connect", DevicePath=f"/dev/{device}"))
            uuid = do("blkid", "-o", "value", "-s", "UUID", f"/dev/{device}").strip()
            with mounted(device, tmp_path / "media") as point:
                watching.until(lambda: watching.having(Action="mount"))
            watching.until(lambda: watching.having(Action="unmount"))
        watching.until(lambda: watching.having(Action="disconnect", DevicePath=f"/dev/{device}"))
    mount = watching.having(Action="mount")[0]
    assert mount["MountPoint"] == str(point)
    assert (mount["FilesystemId"], mount["FilesystemType"], mount["Label"]) == (uuid, "ext4", "도면")
    assert (mount["ReadOnly"], mount["SizeBytes"]) == (False, 16 << 20)
    ours = watching.having(DevicePath=f"/dev/{device}")  # other trials on this machine have sticks of their own
    assert [event["Action"] for event in ours] == ["connect", "mount", "unmount", "disconnect"]


def test_a_stick_that_is_mounted_for_a_moment_only_is_a_blind_moment(tmp_path: Path) -> None:
    """`mount && cp && umount` in a script may be over before the files are watched."""
    with (
        Watching(Media(Memory(tmp_path / "media.json"), loop_is_removable=True)) as watching,
        stick(tmp_path / "stick.img", label="A") as device,
    ):
        for _ in range(50):  # a mount that comes and goes between two looks is seen by nobody
            with mounted(device, tmp_path / "media"):
                time.sleep(0.02)
            if watching.having(Kind="blind"):
                break
        watching.until(lambda: watching.having(Kind="blind"))
        assert str(tmp_path / "media") in watching.having(Kind="blind")[0]["Reason"]


def test_what_happened_while_the_agent_was_away_is_told_once_at_its_return(tmp_path: Path) -> None:
    def media() -> Watching:
        return Watching(Media(Memory(tmp_path / "media.json"), loop_is_removable=True))

    with stick(tmp_path / "stick.img", label="A") as device:
        with media() as first:
            first.until(lambda: first.having(Action="connect", DevicePath=f"/dev/{device}"))
        with mounted(device, tmp_path / "media"):
            with media() as second:
                second.until(lambda: second.having(Action="mount"))
            assert not second.having(Action="connect")
            with media() as third:
                pass
            assert third.events == []
        with media() as fourth:
            fourth.until(lambda: fourth.having(Action="unmount"))


def test_loop_devices_are_no_sticks_unless_asked_for(tmp_path: Path) -> None:
    with (
        Watching(Media(Memory(tmp_path / "media.json"))) as watching,
        stick(tmp_path / "stick.img", label="A") as device,
        mounted(device, tmp_path / "media"),
    ):
        pass
    assert watching.events == []


def register_of(device: str, enforcement: Enforcement, **more: Any) -> MediaRegister:
    """One that names the stick on `device` when `more` says anything of it, else another."""
    uuid = do("blkid", "-p", "-o", "value", "-s", "UUID", f"/dev/{device}").strip() if more else "another"
    since = datetime(2026, 1, 1, tzinfo=UTC)
    one = DevicePassport("p", since, filesystem_id=uuid, **{"holder": "김하늘", **more})
    return MediaRegister((one,), enforcement)


def passports(tmp_path: Path, device: str, enforcement: Enforcement, **more: Any) -> Passports:
    return Passports(register_of(device, enforcement, **more), Memory(tmp_path / "clock.json"))


def guarded(tmp_path: Path, register: Passports) -> Watching:
    return Watching(Media(Memory(tmp_path / "media.json"), loop_is_removable=True, passports=register))


def is_read_only(point: Path) -> bool:
    return subprocess.run(["touch", point / "probe"], capture_output=True, check=False).returncode != 0


def test_an_unknown_stick_is_told_and_left_alone_unless_the_company_says_otherwise(tmp_path: Path) -> None:
    with stick(tmp_path / "stick.img", label="A") as device, mounted(device, tmp_path / "media") as point:
        with guarded(tmp_path, passports(tmp_path, device, "off")) as watching:
            watching.until(lambda: watching.having(Action="mount"))
        assert watching.having(Action="mount")[0]["Passport"] == "unknown"
        assert not watching.having(Action="enforce")
        assert not is_read_only(point)


def test_an_unknown_stick_becomes_read_only_where_the_company_asked_for_it(tmp_path: Path) -> None:
    with stick(tmp_path / "stick.img", label="A") as device, mounted(device, tmp_path / "media") as point:
        with guarded(tmp_path, passports(tmp_path, device, "read_only")) as watching:
            watching.until(lambda: watching.having(Action="enforce"))
        done = watching.having(Action="enforce")
        assert [(one["Enforcement"], one["Outcome"], one["Passport"]) for one in done] == [
            ("read_only", "success", "unknown")
        ]
        assert is_read_only(point)


def test_enforcement_that_is_switched_off_again_is_obeyed_at_once(tmp_path: Path) -> None:
    """By an agent that runs: the centre's new register takes the place of the old one."""
    with stick(tmp_path / "stick.img", label="A") as device:
        register = passports(tmp_path, device, "read_only")
        with guarded(tmp_path, register) as watching:
            with mounted(device, tmp_path / "media"):
                watching.until(lambda: watching.having(Action="enforce"))
            watching.until(lambda: watching.having(Action="unmount"))
            register.replace(register_of(device, "off"))
            with mounted(device, tmp_path / "again") as point:
                watching.until(lambda: watching.having(Action="mount", MountPoint=str(point)))
                time.sleep(2.5)
                assert not is_read_only(point)
        assert len(watching.having(Action="enforce")) == 1


def test_what_cannot_be_made_read_only_is_told_with_the_reason(tmp_path: Path) -> None:
    with (
        stick(tmp_path / "stick.img", label="A") as device,
        mounted(device, tmp_path / "media") as point,
        (point / "open").open("w") as file,
    ):
        file.write("x")
        file.flush()
        with guarded(tmp_path, passports(tmp_path, device, "read_only")) as watching:
            watching.until(lambda: watching.having(Action="enforce"))
        assert "busy" in watching.having(Action="enforce", Outcome="failure")[0]["Reason"]


def test_an_allowed_stick_is_never_touched(tmp_path: Path) -> None:
    with stick(tmp_path / "stick.img", label="A") as device, mounted(device, tmp_path / "media") as point:
        with guarded(tmp_path, passports(tmp_path, device, "unmount", purpose="납품")) as watching:
            watching.until(lambda: watching.having(Action="mount"))
            time.sleep(2.5)
        mount = watching.having(Action="mount")[0]
        assert (mount["Passport"], mount["PassportHolder"]) == ("allowed", "김하늘")
        assert not watching.having(Action="enforce")
        assert not is_read_only(point)


def test_a_stick_for_reading_only_is_made_so(tmp_path: Path) -> None:
    with stick(tmp_path / "stick.img", label="A") as device, mounted(device, tmp_path / "media") as point:
        with guarded(tmp_path, passports(tmp_path, device, "unmount", read_only=True)) as watching:
            watching.until(lambda: watching.having(Action="enforce"))
        assert watching.having(Action="enforce")[0]["Passport"] == "read_only_violation"
        assert is_read_only(point)


def test_an_approval_that_ends_while_the_stick_is_mounted_is_told_and_enforced(tmp_path: Path) -> None:
    with stick(tmp_path / "stick.img", label="A") as device:
        (tmp_path / "media").mkdir()
        do("mount", f"/dev/{device}", tmp_path / "media")
        until = datetime.now(UTC) + timedelta(seconds=3)
        with guarded(tmp_path, passports(tmp_path, device, "unmount", valid_until=until)) as watching:
            watching.until(lambda: watching.having(Action="mount", Passport="allowed"))
            watching.until(lambda: watching.having(Action="passport", Passport="expired"))
            watching.until(lambda: watching.having(Action="unmount"))
        assert watching.having(Action="enforce")[0]["Outcome"] == "success"
        assert not (tmp_path / "media").is_mount()


def test_a_volume_that_is_not_removable_is_refused(tmp_path: Path) -> None:
    with stick(tmp_path / "stick.img", label="A") as device, mounted(device, tmp_path / "media") as point:
        with MountTable() as table:
            [volume] = [one for one in removable(table.read(), loop_is_removable=True) if one.mount.point == str(point)]
        with pytest.raises(NotDone, match="removable"):
            enforce("unmount", volume)
        assert point.is_mount()
