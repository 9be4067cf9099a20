"""A worker follows the rules' state in the database: decisions within a second, rule files once they are compiled.

Reading and compiling happen in a thread beside the running set, which goes on until the worker, between two batches,
takes the new one. What cannot be loaded leaves the running set as it is and says why in `rule_workers`.
"""

import asyncio
from typing import NamedTuple

import structlog

from detectors.release.library import Loaded, RuleLibrary
from detectors.release.life import Life, running
from detectors.release.rows import Versions, read_life, read_versions
from detectors.sigma.match import RuleSet
from jikimi.clock import Clock
from jikimi.errors import Transient
from jikimi.storage.database import Database
from jikimi.storage.schema import rule_workers
from jikimi.storage.upsert import insert

LOOK_EVERY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class _Prepared(NamedTuple):
    loaded: Loaded
    running: RuleSet


class Follower:
    """`life` is what to decide by, `rules` the set to ask: both change in `look` only. No library: no file is read."""

    def __init__(
        self, database: Database, rules: Loaded, clock: Clock, *, worker: str, library: RuleLibrary | None = None
    ) -> None:
        self._database = database
        self._loaded = rules
        self._clock = clock
        self._worker = worker
        self._library = library
        self._seen = Versions(-1, -1, -1)
        self._tried = rules.versions.content
        self._next_look = 0.0
        self._preparing: asyncio.Task[_Prepared] | None = None
        self._unsure = False
        self._error = ""
        self.life = Life()
        self.rules = rules.rules

    async def start(self) -> None:
        """Take up the state as it is, before the first event."""
        await self._read()
        self.rules = await asyncio.to_thread(_prepared, self._loaded.rules, self.life)
        await self._report()

    def hurry(self) -> None:
        """Look anew at the next call: this worker itself changed the state."""
        self._next_look = 0.0

    async def look(self) -> bool:
        """Between two batches. True when `life` or `rules` is another one than before. Raises Transient."""
        changed = await self._finish() if self._preparing is not None and self._preparing.done() else False
        now = asyncio.get_running_loop().time()
        if now < self._next_look:
            return changed
        async with self._database.read() as connection:
            versions = await read_versions(connection)
        self._next_look = now + LOOK_EVERY_SECONDS
        if versions.life != self._seen.life or versions.content != self._seen.content:
            await self._read()
            await self._report()
            changed = True
        if self._unsure and self._preparing is None:
            self._unsure = False
            if self._is_behind():
                self._tried = self._seen.content
                self._preparing = asyncio.create_task(self._prepare(), name="rules")
        return changed

    async def close(self) -> None:
        """Leave off what is being prepared."""
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.gather(self._preparing, return_exceptions=True)
            self._preparing = None

    def _is_behind(self) -> bool:
        """Files are to be read anew, or other rules are to be asked than those that are."""
        if self._library is not None and self._seen.content != self._tried:
            return True
        wanted = self.life.asked(self._loaded.rules.rules)
        return {rule.id for rule in wanted} != self.rules.by_id.keys()

    async def _read(self) -> None:
        async with self._database.read() as connection:
            self._seen = await read_versions(connection)
            self.life = await read_life(connection, self._loaded.rules.by_id, self._clock())
        self._unsure = True

    async def _prepare(self) -> _Prepared:
        loaded = self._loaded
        if self._library is not None and self._tried != loaded.versions.content:
            loaded = await self._library.load(self._database)
        return _Prepared(loaded, await asyncio.to_thread(_prepared, loaded.rules, self.life))

    async def _finish(self) -> bool:
        assert self._preparing is not None  # noqa: S101 - for the type checker
        task, self._preparing = self._preparing, None
        try:
            self._loaded, self.rules = task.result()
        except Transient:
            self._tried, self._unsure = self._loaded.versions.content, True
            raise
        except Exception as error:  # whatever a rule file does to its reader, the watch goes on with the old set
            log.error("rules_not_reloaded", reason=str(error), content_version=self._tried)
            self._error = str(error) or type(error).__name__
            await self._report()
            return False
        self._error = ""
        self._tried = max(self._tried, self._loaded.versions.content)
        await self._read()  # exceptions are read against the rules they except from
        await self._report()
        log.info("rules_reloaded", rules=len(self._loaded.rules.rules), asked=len(self.rules.rules))
        return True

    async def _report(self) -> None:
        values = {
            "at": self._clock(),
            "life_version": self._seen.life,
            "content_version": self._loaded.versions.content,
            "bundle_version": self._loaded.versions.bundle,
            "rules": self._loaded.report.loaded,
            "refused": len(self._loaded.report.refused),
            "error": self._error,
            "tried_version": self._tried,
        }
        async with self._database.write() as connection:
            fresh = insert(connection, rule_workers).values(id=self._worker, **values)
            await connection.execute(fresh.on_conflict_do_update(index_elements=["id"], set_=values))


def _prepared(rules: RuleSet, life: Life) -> RuleSet:
    """Compiled, so that the swap costs nothing. Blocks for seconds."""
    wanted = running(rules, life)
    wanted.prepare()
    return wanted
