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


def freeze(
    ring: Ring, asked: Asked, settings: CaptureSettings, evidence: Path, device: str
) -> tuple[Path, Manifest, str]:
    """(folder, manifest, SHA-256 of the manifest) of what the stopped `ring` holds of the time asked for.

    Files written to since then count whole: packets from before may be among them. Raises Transient when the cap on
    evidence is reached; the ring's files stay where they are.
    """
    since = asked.at - timedelta(seconds=asked.before)
    kept = [path for path in ring.files() if path.stat().st_mtime >= since.timestamp()]
    size = sum(path.stat().st_size for path in kept)
    evidence.mkdir(mode=0o700, parents=True, exist_ok=True)
    if size > room_left(settings, evidence):
        raise Transient(
            f"{evidence}: captures there have reached evidence_megabytes ({settings.evidence_megabytes}); "
            "take some away, or raise it in settings.json"
        )
    folder = evidence / asked.id
    folder.mkdir(mode=0o700)
    files = []
    for path in kept:
        place = folder / path.name
        shutil.move(path, place)
        place.chmod(0o400)
        files.append(File(place.name, place.stat().st_size, sha256(place)))
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
        tuple(files),
    )
    written = folder / MANIFEST
    written.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    written.chmod(0o400)
    return folder, manifest, sha256(written)


def sha256(path: Path) -> str:
    """Hexadecimal; reads the file in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
