"""How the agent is: one report for the heartbeat and for the status file, and the sentences `agent status` prints."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from collectors.sources.feed import Feed
from jikimi.errors import Misconfigured

LATE_AFTER = 120
"""Seconds without the centre after which `agent status` says so first."""


class SourceHealth(msgspec.Struct, frozen=True):
    """Counts of events; `reason` says what a degraded or failed source cannot see."""

    seen: int = 0
    sent: int = 0
    dropped: int = 0
    waiting: int = 0
    state: str = "starting"
    mode: str = ""
    reason: str = ""


class Health(msgspec.Struct, frozen=True):
    """The heartbeat's body. `clock` is the agent's own, so that the centre can see a wrong one. `stopped`: there comes
    no other, because the agent was asked to stop; whoever falls silent without saying so is missed."""

    version: str
    clock: datetime
    spool_bytes: int
    spool_events: int
    sources: dict[str, SourceHealth]
    stopped: bool = False


class Status(msgspec.Struct, frozen=True):
    """The status file: the health, and what only this machine needs to know."""

    pid: int
    device: str
    url: str
    started: datetime
    health: Health
    centre_reached: datetime | None = None
    centre_error: str = ""
    protect: tuple[str, ...] = ()


def of_feeds(feeds: Iterable[Feed]) -> dict[str, SourceHealth]:
    """By source."""
    return {
        feed.name: SourceHealth(feed.seen, feed.sent, feed.dropped, len(feed), feed.state, feed.mode, feed.reason)
        for feed in feeds
    }


def write(status: Status, path: Path) -> None:
    """Replaced whole. Raises OSError."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(status))
    fresh.replace(path)


def read(path: Path) -> Status | None:
    """None when no agent ever ran here. Raises Misconfigured when it may not be read or is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({error.strerror}); ask as the agent's own user") from error
    except msgspec.MsgspecError as error:
        raise Misconfigured(f"{path}: damaged ({error}); start the agent again") from error


def words(status: Status, *, running: bool, now: datetime) -> list[str]:
    """What a person wants to know, worst first."""
    device = status.device
    first = f"{device}: the agent runs (process {status.pid})" if running else f"{device}: the agent does NOT run"
    return [first, _centre(status, now), _spool(status.health), *_sources(status)]


def _centre(status: Status, now: datetime) -> str:
    if status.centre_reached is None:
        why = f" ({status.centre_error})" if status.centre_error else ""
        return f"centre {status.url}: not reached since the agent started{why}"
    seconds = int((now - status.centre_reached).total_seconds())
    said = f"centre {status.url}: last reached {_ago(seconds)}"
    return f"{said}, since then: {status.centre_error}" if status.centre_error and seconds >= LATE_AFTER else said


def _spool(health: Health) -> str:
    waiting = health.spool_events + sum(source.waiting for source in health.sources.values())
    if not waiting:
        return "nothing waits to be sent"
    return f"{waiting} events wait to be sent ({_size(health.spool_bytes)} on disk)"


def _sources(status: Status) -> list[str]:
    lines = []
    for name, source in status.health.sources.items():
        lost = f", {source.dropped} LOST" if source.dropped else ""
        mode = f" by {source.mode}" if source.mode else ""
        lines.append(f"{name}: {source.state}{mode}, {source.seen} seen, {source.sent} kept{lost}")
        if source.reason:
            lines.append(f"    {source.reason}")
    lines += [f"protects {folder}" for folder in status.protect] or ["no folder is protected"]
    return lines


def _ago(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min ago"


def _size(count: int) -> str:
    return f"{count} bytes" if count < 10_240 else f"{count // 1024} KiB"
