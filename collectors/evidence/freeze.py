"""Ring files become evidence: moved into a folder of their own, read-only, each with its SHA-256 in a manifest."""

import hashlib
import shutil
from datetime import timedelta
from pathlib import Path

import msgspec

from collectors.evidence.requests import Asked
from collectors.evidence.ring import Ring
from collectors.evidence.settings import MEGABYTE, CaptureSettings
from jikimi.domain.evidence import MANIFEST, File, Manifest
from jikimi.errors import Transient


def room_left(settings: CaptureSettings, evidence: Path) -> int:
    """Bytes that may still be frozen."""
    used = sum(path.stat().st_size for path in evidence.rglob("*") if path.is_file())
    return settings.evidence_megabytes * MEGABYTE - used


def check_room(ring: Ring, asked: Asked, settings: CaptureSettings, evidence: Path) -> None:
    """Raises Transient when what `ring` holds of the time asked for would pass the cap on evidence."""
    size = sum(path.stat().st_size for path in _of_the_time(ring, asked))
    if size > room_left(settings, evidence):
        raise Transient(
            f"{evidence}: captures there have reached evidence_megabytes ({settings.evidence_megabytes}); "
            "take some away, or raise it in settings.json"
        )


def _of_the_time(ring: Ring, asked: Asked) -> list[Path]:
    since = (asked.at - timedelta(seconds=asked.before)).timestamp()
    return [path for path in ring.files() if path.stat().st_mtime >= since]


def freeze(
    ring: Ring, asked: Asked, settings: CaptureSettings, evidence: Path, device: str
) -> tuple[Path, Manifest, str]:
    """(folder, manifest, SHA-256 of the manifest) of what the stopped `ring` holds of the time asked for.

    Files written to since then count whole: packets from before may be among them. All others are removed first: the
    manifest may be what the disk has no room for. Raises OSError.
    """
    since = asked.at - timedelta(seconds=asked.before)
    held = max(since, ring.holds_since())
    kept = _of_the_time(ring, asked)
    for path in set(ring.files()) - set(kept):
        path.unlink()
    evidence.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = evidence / asked.id
    folder.mkdir(mode=0o700)
    manifest = Manifest(
        asked.id,
        device,
        asked.at,
        asked.by,
        asked.reason,
        since,
        asked.at + timedelta(seconds=asked.after),
        settings.interface,
        ring.filter,
        settings.snap,
        ring.received,
        ring.dropped,
        tuple(File(path.name, path.stat().st_size, sha256(path)) for path in kept),
        held,
    )
    written = folder / MANIFEST
    try:
        written.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        for path in kept:
            path.rename(folder / path.name).chmod(0o400)
    except OSError:
        shutil.rmtree(folder)
        raise
    written.chmod(0o400)
    return folder, manifest, sha256(written)


def sha256(path: Path) -> str:
    """Hexadecimal; reads the file in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
