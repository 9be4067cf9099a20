"""Files under watchdog's own observer, as on Windows and macOS."""

import threading
import time
from pathlib import Path

from collectors.sources.feed import Feed
from collectors.sources.memory import Memory
from collectors.sources.observed import Observed, under
from collectors.sources.who import Who


def test_what_happens_in_a_protected_folder_is_told_with_who_did_it_where_that_is_known(tmp_path: Path) -> None:
    folder = tmp_path / "설계"
    folder.mkdir()
    feed, stop = Feed("files", "PC-03"), threading.Event()
    source = Observed((str(folder),), Memory(tmp_path / "m"), list, who=lambda _: Who(7, "/bin/cp", "kim"))
    ran = threading.Thread(target=source.run, args=(feed, stop))
    ran.start()
    while feed.state == "starting":
        time.sleep(0.01)
    (folder / "plan.txt").write_text("x")
    (folder / "plan.txt").rename(folder / "b.txt")
    (folder / "b.txt").unlink()
    until = time.monotonic() + 60
    while feed.seen < 3 and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    ran.join(10)
    found = [one.event for one in feed.take(100) if one.event.get("Action")]
    assert [event["Action"] for event in found] == ["create", "rename", "delete"]
    assert {(event["User"], event["Protected"]) for event in found} == {("kim", True)}


def test_a_folder_holds_what_is_below_it_and_not_what_begins_alike() -> None:
    assert under("/a/b/c", ["/a/b"])
    assert not under("/a/bc", ["/a/b"])
