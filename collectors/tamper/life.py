"""How the agent's last life ended: kept on disk, so that the next one can say that it was killed."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Life(msgspec.Struct, frozen=True):
    """`boot` names the computer's own life (proc(5), boot_id); `lead` is the wall clock less the counter since that
    boot, in seconds; `files` the SHA-256 of the agent's own files as it knew them, "" for one that was not there."""

    boot: str
    began: datetime
    lead: float = 0.0
    files: Mapping[str, str] = {}
    ended: bool = False


def boot_id() -> str:
    """ "" where the system has none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def read(path: Path) -> Life | None:
    """None for the first life, and when nobody can read what is there."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Life)
    except (OSError, msgspec.MsgspecError):
        return None


def write(life: Life, path: Path) -> None:
    """Replaced whole. Raises OSError."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(life))
    fresh.replace(path)
