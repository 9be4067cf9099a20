"""Removable media as they come and go: a stick on a loop device."""

from pathlib import Path

from collectors.sources.media import Media
from collectors.sources.memory import Memory
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
    assert [event["Action"] for event in watching.events] == ["connect", "mount", "unmount", "disconnect"]


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
