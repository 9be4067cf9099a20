"""The rules a centre has: folders, and the installed bundle, which is verified anew each time it is loaded."""

import asyncio
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import select

from detectors.release import bundle
from detectors.release.rows import Versions, read_versions
from detectors.sigma import cache
from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from detectors.sigma.report import LoadReport
from jikimi.errors import Misconfigured, Refused
from jikimi.signing import TrustedKeys
from jikimi.storage.database import Database
from jikimi.storage.schema import rule_bundles


@dataclass(frozen=True, slots=True)
class Loaded:
    """Every rule that was read, in any stage, and which state of the database that was."""

    rules: RuleSet
    report: LoadReport
    versions: Versions

    @classmethod
    def once(cls, rules: RuleSet) -> "Loaded":
        """A rule set that is never read anew."""
        return cls(rules, LoadReport(0, len(rules.rules)), Versions())


class RuleLibrary:
    """`unpacked` is a folder of its own for the files of the bundle; `current` what was loaded last."""

    def __init__(self, folders: Sequence[Path], *, unpacked: Path, trusted: Path) -> None:
        self.folders = tuple(folders)
        self.trusted = trusted
        self._unpacked = unpacked
        self._placing = threading.Lock()
        self.current = Loaded.once(RuleSet([]))

    @property
    def places(self) -> tuple[Path, ...]:
        """Where the rules of `current` lie: the bundle's own folder first, if one is installed."""
        bundle_places = self._unpacked.glob(f"{self.current.versions.bundle}-*") if self.current.versions.bundle else ()
        return (*bundle_places, *self.folders)

    async def load(self, database: Database) -> Loaded:
        """Reads everything anew.

        Raises Misconfigured when rules cannot be read, when the bundle is not to be believed, and when a rule of
        `current` would be lost by a fault: a slip of the pen must not quietly end a watch.
        """
        async with database.read() as connection:
            versions = await read_versions(connection)
            content = await connection.scalar(
                select(rule_bundles.c.content).where(rule_bundles.c.version == versions.bundle)
            )
        loaded = await asyncio.to_thread(self.read, versions, content)
        check_nothing_lost(self.current, loaded)
        self.current = loaded
        return loaded

    def read(self, versions: Versions, content: bytes | None) -> Loaded:
        """The rules with this bundle, if any. Blocks for seconds; `current` stays as it is."""
        if content is None:
            rules, report = load_rules(self.folders, keep_in=cache.folder())
            return Loaded(rules, report, versions)
        try:
            found = bundle.verify(content, TrustedKeys.read(self.trusted))
        except Refused as error:
            raise Misconfigured(
                f"the installed rule bundle {versions.bundle} cannot be used: {error}; put its public key into "
                f"{self.trusted}, or start once with --bundle and a newer bundle that a trusted key signed"
            ) from error
        with self._placing:  # nobody takes a folder away that another is reading
            try:
                place = self._place(found)
            except OSError as error:
                raise Misconfigured(f"{self._unpacked}: the bundle cannot be unpacked ({error.strerror})") from error
            rules, report = load_rules([place, *self.folders], keep_in=cache.folder())
        if not any(rule.file.startswith(str(place)) for rule in rules.rules):
            raise Misconfigured(f"no rule of the bundle can be used: {'; '.join(map(str, report.refused[:3]))}")
        return Loaded(rules, _without_replaced(report, place), versions)

    def _place(self, found: bundle.Bundle) -> Path:
        """The bundle's files on disk, written anew and complete; those of bundles no longer in use are taken away.

        The workshop may read the same folder meanwhile: it is missing for no longer than two renames take.
        """
        place = self._unpacked / f"{found.manifest.version}-{found.manifest.archive_sha256[:16]}"
        part, before = self._unpacked / f".part-{os.getpid()}", self._unpacked / f".before-{os.getpid()}"
        for left in (part, before):
            shutil.rmtree(left, ignore_errors=True)
        bundle.unpack(found, part)
        if place.exists():
            place.rename(before)
        part.rename(place)
        in_use = f"{self.current.versions.bundle}-"
        for old in list(self._unpacked.iterdir()):
            if old != place and not old.name.startswith(in_use):
                shutil.rmtree(old)
        return place


def check_nothing_lost(running: Loaded, loaded: Loaded) -> None:
    """Raises Misconfigured when a rule that runs is refused now. One that is simply gone was taken away on purpose."""
    gone = [rule for rule in running.rules.rules if rule.id not in loaded.rules.by_id]
    places, titles = {rule.file for rule in gone}, {rule.title for rule in gone}
    lost = [fault for fault in loaded.report.refused if fault.file in places or fault.rule in titles]
    if lost:
        more = f", and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise Misconfigured(f"rules that run would be lost: {lost[0]}{more}; mend them or take them out")


def _without_replaced(report: LoadReport, place: Path) -> LoadReport:
    """A rule in a folder whose id the bundle has too is replaced by the bundle's: that is no fault."""
    kept = tuple(r for r in report.refused if r.file.startswith(str(place)) or str(place) not in r.reason)
    return msgspec.structs.replace(report, refused=kept)
