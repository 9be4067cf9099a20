"""`jikimi rules fetch`: the public rule set by release, verified, whole or not at all.

What is there stays until the new set is downloaded, verified, unpacked beside it and read; then the folders change
places. What a killed fetch left, also between the two renames, is put right by the next; two at once are refused.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import msgspec

from detectors.sigma.load import load_rules
from detectors.workshop.documents import Progress, silent
from detectors.workshop.download import download, http_client, sha256_of
from detectors.workshop.release import API, Package, find_asset, stated_sha256
from detectors.workshop.unpack import unpack
from jikimi.errors import Misconfigured, Transient
from jikimi.stream.folder_lock import FolderLock

MANIFEST = "jikimi-rules.json"


class Manifest(msgspec.Struct, frozen=True):
    """Kept as `jikimi-rules.json` in the folder. `verified_by` names who stated the SHA-256; empty: nobody did."""

    release: str
    source: str
    sha256: str
    verified_by: str
    fetched_at: datetime
    files: int
    loaded: int
    refused: int


class Fetched(msgspec.Struct, frozen=True):
    """`changed` is false when the folder held exactly this package already."""

    folder: str
    changed: bool
    manifest: Manifest


class _Archive(msgspec.Struct, frozen=True):
    file: Path
    release: str
    source: str
    sha256: str
    verified_by: str


class Origin(msgspec.Struct, frozen=True):
    """Which package: that of `source`, an address or a file; without one that of `release` (None: the latest)."""

    release: str | None = None
    package: Package = "all"
    source: str | None = None
    sha256: str | None = None
    api: str = API


def fetch(origin: Origin, into: Path, now: datetime, progress: Progress = silent) -> Fetched:
    """Replace the rules in `into` by the package.

    Raises Misconfigured for a package that is not what was stated or cannot be used, and for a folder that holds
    something else; Transient when the line fails. `into` is then as it was.
    """
    into = into.absolute()
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(into) as scratch:
            _put_right(into)
            before = _ours(into)
            archive = _archive(origin, scratch / "package.zip", progress)
            if before is not None and before.sha256 == archive.sha256:
                return Fetched(str(into), False, before)
            fresh = scratch / "rules"
            manifest = _prepared(archive, fresh, now, progress)
            _change_places(fresh, into)
    except OSError as error:
        raise Misconfigured(f"{error.filename or into}: {error.strerror}; nothing was changed") from error
    return Fetched(str(into), True, manifest)


@contextmanager
def _scratch(into: Path) -> Iterator[Path]:
    """An empty folder beside `into`, for one fetch at a time. Raises Transient while another is at work."""
    place = into.with_name(f".{into.name}.new")
    place.mkdir(exist_ok=True)
    try:
        lock = FolderLock(place)
    except Misconfigured as error:
        raise Transient(f"another fetch into {into} is at work, or may not be written beside it: {error}") from error
    try:
        for left in (place / "package.zip", place / "rules"):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        lock.release()


def _archive(origin: Origin, scratch: Path, progress: Progress) -> _Archive:
    """The package, verified."""
    pinned = stated_sha256(origin.sha256) if origin.sha256 else ""
    if origin.source is not None and not origin.source.lower().startswith(("http://", "https://")):
        return _local(Path(origin.source), origin.release or "", pinned)
    with http_client() as client:
        return _remote(client, origin, pinned, scratch, progress)


def _local(file: Path, release: str, pinned: str) -> _Archive:
    actual = sha256_of(file)
    beside = file.with_name(f"{file.name}.sha256")
    if pinned:
        _same(actual, pinned, str(file), "--sha256")
        return _Archive(file, release, str(file), actual, "--sha256")
    if beside.is_file():
        _same(actual, stated_sha256(beside.read_text(encoding="utf-8", errors="replace")), str(file), beside.name)
        return _Archive(file, release, str(file), actual, beside.name)
    return _Archive(file, release, str(file), actual, "")


def _remote(client: httpx.Client, origin: Origin, pinned: str, scratch: Path, progress: Progress) -> _Archive:
    if origin.source is None:
        asset = find_asset(client, origin.release, origin.package, origin.api)
        release, url, stated = asset.release, asset.url, asset.sha256
    else:
        release, url, stated = origin.release or "", origin.source, ""
    who = "--sha256" if pinned else "the release's published digest"
    expected = pinned or stated
    actual = download(client, url, scratch, progress)
    if not expected:
        raise Misconfigured(
            f"nobody states a SHA-256 for {url}; what came has {actual}. Compare it with one you trust and "
            f"give it with --sha256"
        )
    _same(actual, expected, url, who)
    return _Archive(scratch, release, url, actual, who)


def _same(actual: str, expected: str, what: str, who: str) -> None:
    if actual != expected:
        raise Misconfigured(f"{what} is not what {who} states: it has SHA-256 {actual}, not {expected}")


def _prepared(archive: _Archive, fresh: Path, now: datetime, progress: Progress) -> Manifest:
    """The package unpacked in `fresh` and read once: a set in which no rule can be used replaces nothing."""
    fresh.mkdir()
    progress("unpacking", 0, 0)
    unpack(archive.file, fresh)
    progress("reading the rules", 0, 0)
    report = load_rules([fresh])[1]
    if not report.loaded:
        raise Misconfigured(f"{archive.source}: no rule in it can be used")
    manifest = Manifest(
        release=archive.release,
        source=archive.source,
        sha256=archive.sha256,
        verified_by=archive.verified_by,
        fetched_at=now,
        files=report.files,
        loaded=report.loaded,
        refused=len(report.refused),
    )
    (fresh / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def _ours(into: Path) -> Manifest | None:
    """What was fetched before. Raises Misconfigured for a folder that holds anything else: it would be deleted."""
    if not into.exists() or (into.is_dir() and not any(into.iterdir())):
        return None
    try:
        return msgspec.json.decode((into / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise Misconfigured(f"{into} is not empty and was not made by a fetch; name a folder of its own") from error


def _change_places(fresh: Path, into: Path) -> None:
    old = _old(into)
    if into.exists():
        into.rename(old)
    try:
        fresh.rename(into)
    except OSError:
        if old.exists():
            old.rename(into)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _put_right(into: Path) -> None:
    """What a killed fetch left: the old folder goes back to its place, or goes."""
    old = _old(into)
    try:
        if old.exists() and not into.exists():
            old.rename(into)
        elif old.exists():
            shutil.rmtree(old)
    except OSError as error:
        raise Transient(f"{old} is in the way ({error.strerror}): is another fetch at work?") from error


def _old(into: Path) -> Path:
    return into.with_name(f".{into.name}.old")
