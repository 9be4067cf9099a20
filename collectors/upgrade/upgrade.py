"""The steps of an upgrade, and the way back."""

import shlex
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from collectors import health
from collectors.locking import is_running
from collectors.settings import StateDir
from collectors.upgrade import package
from collectors.upgrade.versions import Journal, Versions
from jikimi.clock import utc_now
from jikimi.errors import JikimiError, Misconfigured, Refused, Transient
from jikimi.signing import TrustedKeys
from jikimi.stream.folder_lock import FolderLock

CHECK_WITHIN, RESTART_WITHIN, LOOK = 60.0, 90.0, 0.25

Said = Callable[[str], None]
"""Told after each step: verified, unpacked, checked, switched, restarted, healthy."""


@dataclass(frozen=True)
class Place:
    """Where the versions are, whose agent it is, how it is started anew, how long (seconds) it may take to be well."""

    versions: Versions
    state: StateDir
    restart: str
    patience: float = 60.0
    steady: float = 5.0
    """Seconds for which the new version must be well before it is believed."""


def upgrade(place: Place, file: Path, said: Said) -> str:
    """The new version. Raises Refused (not trusted, not newer, or rolled back), Misconfigured, Transient (disk)."""
    lock = FolderLock(place.versions.root)
    try:
        recover(place, said)
        return _upgrade(place, file, said)
    except (OSError, tarfile.TarError) as error:
        raise Transient(
            f"{place.versions.root}: the upgrade was not done ({error}); the agent was left alone"
        ) from error
    finally:
        lock.release()


def recover(place: Place, said: Said) -> None:
    """Undo an upgrade that was interrupted before its version was known to be good."""
    journal = place.versions.unsettled()
    if journal is None:
        return
    switched = place.versions.current() != journal.old
    if switched:
        place.versions.switch_back(journal)
    if switched or not is_running(place.state):  # killed between the link and the start, it would stay off
        _restart(place)
        said(f"undid an interrupted upgrade: back to {journal.old}")
    place.versions.settled()


def _upgrade(place: Place, file: Path, said: Said) -> str:
    versions = place.versions
    contents = package.verify(file, TrustedKeys.read(versions.trusted_keys))
    old, new = versions.current(), contents.version
    if versions.older(new):
        raise Refused(
            f"{new} is not newer than the installed {old}: an older agent is never installed over a newer one"
        )
    said("verified")
    unpacked = versions.room_for(new)
    package.unpack(file, unpacked)
    versions.complete(unpacked, new)
    said("unpacked")
    check(versions.program(new), new, place.state)
    said("checked")
    journal, at = Journal(old, new), utc_now()
    versions.switch(journal)
    said("switched")
    try:
        _restart(place)
        said("restarted")
        _wait_until_well(place, new, at)
    except JikimiError as error:
        _back(place, journal)
        versions.settled()
        raise Refused(f"{new} did not run well, {old} runs again: {error}") from error
    versions.settled()
    versions.forget_older(old, new)
    said("healthy")
    return new


def check(program: Path, version: str, state: StateDir) -> None:
    """The new program starts, is what the package says, and can read this agent's state. Raises Refused."""
    words = [str(program), "agent", "check", "--state", str(state.root)]
    try:
        ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=CHECK_WITHIN)  # noqa: S603 - verified
    except (OSError, subprocess.SubprocessError) as error:
        raise Refused(f"the new version cannot be started ({error}); nothing was changed") from error
    if ran.returncode != 0:
        last = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Refused(f"the new version fails its own check ({last[:300]}); nothing was changed")
    if ran.stdout.split()[:1] != [version]:
        raise Refused(f"the program says it is {ran.stdout.strip()[:80]!r}, its package {version}; nothing was changed")


def _back(place: Place, journal: Journal) -> None:
    place.versions.switch_back(journal)
    _restart(place)


def _restart(place: Place) -> None:
    """Raises Transient."""
    words = shlex.split(place.restart)
    try:
        subprocess.run(words, check=True, capture_output=True, timeout=RESTART_WITHIN)  # noqa: S603 - the owner's own words
    except (OSError, subprocess.SubprocessError) as error:
        raise Transient(f"`{place.restart}` did not start the agent ({error})") from error


def _wait_until_well(place: Place, version: str, since: datetime) -> None:
    """Raises Transient when it was not well within the place's patience."""
    until, well_at = time.monotonic() + place.patience, 0.0
    while time.monotonic() < until:
        now = time.monotonic()
        well_at = (well_at or now) if _well(place.state, version, since) else 0.0
        if well_at and now - well_at >= place.steady:
            return
        time.sleep(LOOK)
    raise Transient(f"it did not report itself well within {place.patience:.0f} s")


def _well(state: StateDir, version: str, since: datetime) -> bool:
    """It runs, it is the new one, started after the switch, and no source of it has failed. The centre may be away."""
    try:
        told = health.read(state.status)
        running = is_running(state)
    except Misconfigured:
        return False
    if told is None or not running or told.health.version != version or told.started < since:
        return False
    return all(source.state != "failed" for source in told.health.sources.values())
