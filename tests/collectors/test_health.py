"""What `agent status` says, worst first and in words."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from collectors import health
from collectors.health import Health, SourceHealth, Status
from collectors.sources.feed import Feed
from jikimi.domain.logsource import FILE_ACCESS
from jikimi.errors import Misconfigured

NOW = datetime(2026, 11, 22, 2, 13, tzinfo=UTC)


def status(**sources: SourceHealth) -> Status:
    inner = Health("0.1.0", NOW, 0, 0, dict(sources))
    return Status(
        42, "회계PC-03", "https://centre.example.com", NOW - timedelta(hours=1), inner, NOW, "", ("/srv/도면",)
    )


def said(told: Status, *, running: bool = True, later: int = 5) -> str:
    return "\n".join(health.words(told, running=running, now=NOW + timedelta(seconds=later)))


def test_first_says_whether_it_runs() -> None:
    assert said(status()).startswith("회계PC-03: the agent runs (process 42)")
    assert said(status(), running=False).startswith("회계PC-03: the agent does NOT run")


def test_says_when_the_centre_was_last_reached_and_what_stands_between() -> None:
    late = msgspec.structs.replace(status(), centre_error="no answer")
    assert "last reached 5 s ago" in said(status())
    assert "last reached 1 h 1 min ago, since then: no answer" in said(late, later=3_660)
    never = msgspec.structs.replace(status(), centre_reached=None, centre_error="no answer")
    assert "not reached since the agent started (no answer)" in said(never)


def test_counts_what_waits_in_queues_and_on_disk() -> None:
    inner = Health("0.1.0", NOW, 20_480, 7, {"files": SourceHealth(waiting=3)})
    assert "10 events wait to be sent (20 KiB on disk)" in said(msgspec.structs.replace(status(), health=inner))
    assert "nothing waits to be sent" in said(status())


def test_a_degraded_source_says_what_it_cannot_see_and_a_loss_is_loud() -> None:
    files = SourceHealth(9, 8, 1, 0, "degraded", "inotify", "who is not seen")
    text = said(status(files=files))
    assert "files: degraded by inotify, 9 seen, 8 kept, 1 LOST\n    who is not seen" in text


def test_names_the_protected_folders() -> None:
    assert "protects /srv/도면" in said(status())


def test_a_status_file_reads_back_as_written(tmp_path: Path) -> None:
    told = status(files=SourceHealth(1, 1))
    health.write(told, tmp_path / "status.json")
    assert health.read(tmp_path / "status.json") == told


def test_a_damaged_status_file_is_said_and_none_is_none(tmp_path: Path) -> None:
    assert health.read(tmp_path / "status.json") is None
    (tmp_path / "status.json").write_bytes(b"{")
    with pytest.raises(Misconfigured, match="damaged"):
        health.read(tmp_path / "status.json")


def test_a_feeds_counters_become_its_health() -> None:
    feed = Feed("files", "pc")
    feed.emit(FILE_ACCESS, {})
    feed.running("fanotify")
    assert health.of_feeds([feed]) == {"files": SourceHealth(1, 0, 0, 1, "running", "fanotify", "")}
