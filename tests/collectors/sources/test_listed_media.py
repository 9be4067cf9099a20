"""Removable volumes from successive lists."""

from pathlib import Path

from collectors.sources.feed import Feed
from collectors.sources.listed_media import ListedMedia, ListedVolume
from collectors.sources.memory import Memory

STICK = ListedVolume("E:\\", r"\\.\E:", "SanDisk", "Ultra", "4C53", label="USB", filesystem_id="1A2B-3C4D")


def told(memory: Memory, *looks: list[ListedVolume], spooled: bool = True) -> list[tuple[object, object]]:
    feed, there = Feed("media", "PC-03"), [list(look) for look in looks]
    media = ListedMedia(lambda: there.pop(0), memory)
    media._told = memory.load().get("volumes", {})
    for _ in looks:
        media.round(feed)
    taken = feed.take(100)
    if spooled:
        feed.kept(taken)
    media.save(feed)
    return [(one.event["Action"], one.event.get("Serial")) for one in taken]


def test_a_stick_is_told_once_when_it_comes_and_once_when_it_goes(tmp_path: Path) -> None:
    assert told(Memory(tmp_path / "m"), [STICK], [STICK], []) == [
        ("connect", "4C53"),
        ("mount", "4C53"),
        ("unmount", "4C53"),
        ("disconnect", "4C53"),
    ]


def test_one_that_was_told_before_a_restart_is_not_told_again(tmp_path: Path) -> None:
    told(Memory(tmp_path / "m"), [STICK])
    assert told(Memory(tmp_path / "m"), [STICK]) == []


def test_one_whose_event_never_reached_the_spool_is_told_again_after_a_kill(tmp_path: Path) -> None:
    told(Memory(tmp_path / "m"), [STICK], spooled=False)
    assert told(Memory(tmp_path / "m"), [STICK]) == [("connect", "4C53"), ("mount", "4C53")]


def test_another_stick_at_the_same_letter_is_another_one(tmp_path: Path) -> None:
    other = ListedVolume("E:\\", r"\\.\E:", "Other", "Stick", "99")
    actions = told(Memory(tmp_path / "m"), [STICK], [other])
    assert actions[2:] == [("unmount", "4C53"), ("disconnect", "4C53"), ("connect", "99"), ("mount", "99")]
