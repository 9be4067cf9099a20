"""The read rule set, kept on disk between starts: plain MessagePack of our own structs, never code.

The name is a digest of every rule file, of pySigma's version and of the code beside this file, which reads the rules,
so a stale entry is never found; one that does not decode is read anew. The folder is as trusted as the rules are.
"""

import contextlib
import hashlib
import os
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec

from detectors.sigma.open_rules import NO_OPEN_RULES, OpenRules
from detectors.sigma.placeholders import NONE, Placeholders
from detectors.sigma.report import LoadReport
from detectors.sigma.rule import Rule
from detectors.sigma.source import Source

_KEPT = 8


class Loaded(msgspec.Struct, frozen=True):
    rules: tuple[Rule, ...]
    report: LoadReport
    open_rules: OpenRules = NO_OPEN_RULES


def folder() -> Path:
    """The user's own: $XDG_CACHE_HOME/jikimi/rules, else ~/.cache/jikimi/rules."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "jikimi" / "rules"


def find(where: Path, files: Sequence[Source], placeholders: Placeholders = NONE) -> Loaded | None:
    """What was kept for exactly these files and placeholder values, or None."""
    try:
        return msgspec.msgpack.decode((where / _name(files, placeholders)).read_bytes(), type=Loaded)
    except (OSError, msgspec.MsgspecError):
        return None


def keep(where: Path, files: Sequence[Source], loaded: Loaded, placeholders: Placeholders = NONE) -> None:
    """Keeps it for the next start; a folder that cannot be written only costs that start its speed."""
    target = where / _name(files, placeholders)
    part = target.with_suffix(f".{os.getpid()}")
    try:
        where.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.write_bytes(msgspec.msgpack.encode(loaded))
        part.replace(target)
        for old in sorted(where.glob("*.msgpack"), key=lambda p: p.stat().st_mtime)[:-_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _name(files: Sequence[Source], placeholders: Placeholders) -> str:
    digest = hashlib.sha256(_reader() + version("pysigma").encode())
    digest.update(msgspec.json.encode({name: list(values) for name, values in sorted(placeholders.items())}))
    for file in files:
        digest.update(f"{len(file.file)}:{file.file}{len(file.data)}:".encode() + file.data)
    return f"{digest.hexdigest()}.msgpack"


@cache
def _reader() -> bytes:
    """The code that made a kept rule set: another version of it may read the same rule differently."""
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.digest()
