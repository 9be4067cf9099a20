"""How the agent's last life ended: kept on disk, so that the next one can say that it was killed."""

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PREFETCH = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters"
"""Windows counts its starts there."""


class Life(msgspec.Struct, frozen=True):
    """`boot` names the computer's own life, "" where it has no name; `lead` is the wall clock less the counter since
    that boot, in seconds; `files` the SHA-256 of the agent's own files as it knew them, "" for one that was not
    there."""

    boot: str
    began: datetime
    lead: float = 0.0
    files: Mapping[str, str] = {}
    ended: bool = False


if sys.platform == "win32":
    import winreg

    def boot_id() -> str:
        """ "" where the system has none."""
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, PREFETCH) as key:
                return str(winreg.QueryValueEx(key, "BootId")[0])
        except OSError:
            return ""

elif sys.platform == "darwin":
    import subprocess

    def boot_id() -> str:
        """sysctl(8), kern.bootsessionuuid; "" where the system has none."""
        words = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
        try:
            return subprocess.run(words, capture_output=True, text=True, check=True, timeout=5).stdout.strip()  # noqa: S603 - the system's own
        except (OSError, subprocess.SubprocessError):
            return ""

else:

    def boot_id() -> str:
        """proc(5), boot_id; "" where the system has none."""
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
