"""Versions side by side: `ROOT/versions/X`, and the links `ROOT/current` and `ROOT/previous`.

A link changes by rename(2), so at every moment `current` is a whole version: the old one or the new one.
"""

import contextlib
import os
import shutil
from pathlib import Path

import msgspec

from collectors.upgrade.package import numbers
from jikimi.errors import Misconfigured


class Journal(msgspec.Struct, frozen=True):
    """An upgrade that has begun to switch and is not known to be good yet."""

    old: str
    new: str


class Versions:
    """Everything may raise OSError."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.trusted_keys = root / "trusted-keys"
        self._journal = root / "upgrade.json"
        self._folder = root / "versions"

    def current(self) -> str:
        """Raises Misconfigured when nothing is installed here."""
        try:
            return os.readlink(self.root / "current").rpartition("/")[2]  # noqa: PTH115 - the text of the link
        except OSError as error:
            raise Misconfigured(
                f"{self.root}: no version is installed there; put one into {self._folder}/VERSION and link "
                f"{self.root}/current to it, or name the folder with --root"
            ) from error

    def program(self, version: str) -> Path:
        return self._folder / version / "jikimi"

    def room_for(self, version: str) -> Path:
        """An empty folder to unpack into; what an interrupted upgrade left is removed."""
        for left in self._folder.glob(".unpacking-*"):
            shutil.rmtree(left)
        fresh = self._folder / f".unpacking-{version}"
        fresh.mkdir(mode=0o755)
        return fresh

    def complete(self, unpacked: Path, version: str) -> None:
        """`unpacked` is whole: on disk, then under its name."""
        for path in [unpacked, *unpacked.rglob("*")]:
            if not path.is_symlink():
                _to_disk(path)
        final = self._folder / version
        if final.exists():
            shutil.rmtree(final)  # of an upgrade that was undone: never the current one
        unpacked.rename(final)
        _to_disk(self._folder)

    def switch(self, journal: Journal) -> None:
        """From the old to the new version, with the journal written before."""
        beside = self._journal.with_suffix(".new")
        beside.write_bytes(msgspec.json.encode(journal))
        _to_disk(beside)
        beside.replace(self._journal)
        self._link("previous", journal.old)
        self._link("current", journal.new)

    def switch_back(self, journal: Journal) -> None:
        self._link("current", journal.old)

    def settled(self) -> None:
        """The current version is good: no way back is needed any more."""
        self._journal.unlink(missing_ok=True)
        _to_disk(self.root)

    def unsettled(self) -> Journal | None:
        try:
            return msgspec.json.decode(self._journal.read_bytes(), type=Journal)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise Misconfigured(f"{self._journal}: damaged ({error}); remove it once `current` is right") from error

    def forget_older(self, *keep: str) -> None:
        """Every version but these."""
        for folder in self._folder.iterdir():
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)

    def older(self, version: str) -> bool:
        """Whether `version` is not newer than the current one."""
        return numbers(version) <= numbers(self.current())

    def _link(self, name: str, version: str) -> None:
        beside = self.root / f".{name}"
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        beside.symlink_to(Path("versions", version))
        beside.replace(self.root / name)
        _to_disk(self.root)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
