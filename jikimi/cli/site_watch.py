"""Service monitoring: looks at every company's web sites in turn and appends what it saw to the event log.

A look that a crash cut off is made again; what it told before may then be told twice, never not at all.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import structlog

from collectors.websites import picture
from collectors.websites.compare import Fields, changes, compare
from collectors.websites.fetch import SiteFetcher
from collectors.websites.memory import Look, SiteMemory
from jikimi.clock import Clock
from jikimi.domain.event import TIMESTAMP, Envelope, block_of, canonical, encode_envelope, format_time
from jikimi.domain.logsource import WEB_INTEGRITY
from jikimi.errors import JikimiError
from jikimi.storage import counters, websites
from jikimi.storage.database import Database
from jikimi.storage.websites import Website
from jikimi.stream.port import EVENTS, EventLog, NewRecord

AT_ONCE = 128
"""Sites that are looked at together: were all of 1,000 silent for 20 s, each would still have its turn within 3 min."""
PICTURES_AT_ONCE = 2
"""Each takes a browser: seconds of a core and some 200 MB."""
PAUSE = 1.0
AGAIN_AFTER_FAILURE = timedelta(seconds=30)
"""A site that did not answer is asked again soon, so that an outage is told within a minute."""
PICTURES_KEPT = 10

log = structlog.get_logger(__name__)


class SiteWatch:
    """Runs until told to stop; how each site is, is the database's. `pictures` is where pictures are kept."""

    def __init__(
        self, database: Database, event_log: EventLog, fetcher: SiteFetcher, pictures: Path, clock: Clock
    ) -> None:
        self._database = database
        self._log = event_log
        self._fetcher = fetcher
        self._pictures = pictures
        self._clock = clock
        self._epoch = uuid4().hex[:16]
        self._next_seq: dict[str, int] = {}
        self._draws = not picture.reason_for_none()
        self._drawing = asyncio.Semaphore(PICTURES_AT_ONCE)
        self._looking: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Raises Transient when log or database cannot be used now."""
        if reason := picture.reason_for_none():
            log.info("sites_watched_without_pictures", reason=reason)
        try:
            while not stop.is_set():
                await self._begin()
                await self._one_or_a_pause(stop)
        finally:
            for task in self._looking.values():
                task.cancel()
            await asyncio.gather(*self._looking.values(), return_exceptions=True)
            self._looking.clear()

    async def look_round(self) -> int:
        """Look at the sites whose time has come, to the end; how many those were."""
        begun = await self._begin()
        while self._looking:
            await self._finished()
        return begun

    async def _begin(self) -> int:
        """Start looks, as far as there is room beside those that still go on: a slow site holds up no other."""
        if len(self._looking) >= AT_ONCE:
            return 0
        async with self._database.read() as connection:
            due = await websites.due(connection, self._clock(), limit=AT_ONCE)
        fresh = [site for site in due if site.id not in self._looking][: AT_ONCE - len(self._looking)]
        for site in fresh:
            self._looking[site.id] = asyncio.create_task(self._look_at(site))
        return len(fresh)

    async def _one_or_a_pause(self, stop: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE):
                await (self._finished() if len(self._looking) >= AT_ONCE else stop.wait())
        self._collect()

    async def _finished(self) -> None:
        """Until one look has ended."""
        await asyncio.wait(self._looking.values(), return_when=asyncio.FIRST_COMPLETED)
        self._collect()

    def _collect(self) -> None:
        for site, task in list(self._looking.items()):
            if task.done():
                del self._looking[site]
                task.result()

    async def _look_at(self, site: Website) -> None:
        try:
            await self._look_and_tell(site)
        except JikimiError:
            raise  # log or database: nothing can be watched now
        except Exception as error:
            # A page that our own code cannot read must not end the watch over every company's sites.
            log.exception("site_not_compared", site=site.id)
            async with self._database.write() as connection:
                result = f"cannot be compared: {type(error).__name__}"
                await websites.put_off(connection, site.id, result=result, until=self._clock() + site.interval)

    async def _look_and_tell(self, site: Website) -> None:
        memory = _memory(site)
        look = await self._fetcher.look(site.url)
        deploying = site.deploying(look.at)
        if look.page is not None and memory.wants_files and not deploying:
            look = msgspec.structs.replace(look, files=await self._fetcher.files(look.page.files))
        if self._draws and not deploying and await asyncio.to_thread(_wants_picture, memory, look):
            look = await self._draw(site, memory, look)
        events = await asyncio.to_thread(compare, memory, look, deploying=deploying)
        await self._append(site, look.at, events)
        failed_first = look.page is None and memory.failures == 1
        async with self._database.write() as connection:
            await counters.add_all(connection, "events_accepted", {site.tenant_id: len(events)})
            await websites.looked(
                connection,
                site.id,
                at=look.at,
                known=site.memory,
                memory=msgspec.msgpack.encode(memory),
                result=_result(memory, look, deploying)[:300],
                again_in=AGAIN_AFTER_FAILURE if failed_first else site.interval,
            )

    async def _append(self, site: Website, at: datetime, events: Sequence[Fields]) -> None:
        if not events:
            return
        first = self._next_seq.get(site.id, 0)
        self._next_seq[site.id] = first + len(events)
        envelope = Envelope(
            agent_id=site.id,
            epoch=self._epoch,
            first_seq=first,
            count=len(events),
            logsource=WEB_INTEGRITY,
            sent_at=at,
            tenant_id=site.tenant_id,
            device_id=site.device_id,
            received_at=self._clock(),
        )
        block = block_of(canonical({TIMESTAMP: format_time(at), "Hostname": site.name, **event}) for event in events)
        record = NewRecord(site.tenant_id.encode(), block, {"envelope": encode_envelope(envelope)})
        await self._log.append(EVENTS, [record])

    async def _draw(self, site: Website, memory: SiteMemory, look: Look) -> Look:
        """The look with its picture, which is kept as evidence: the learned face, and the last changed ones."""
        if memory.learning and self._drawing.locked():
            return look  # one of its next looks will do
        async with self._drawing:
            doubted = bool(look.certificate_error)
            png, digest = await picture.take_picture(site.url, self._fetcher.addresses, doubted=doubted)
        if not digest:
            log.warning("site_not_drawn", site=site.id)
        else:
            name = "own.png" if memory.learning else f"changed-{look.at:%Y%m%dT%H%M%SZ}.png"
            await asyncio.to_thread(_keep, self._pictures / site.id, name, png)
        return msgspec.structs.replace(look, picture=digest)


def _memory(site: Website) -> SiteMemory:
    return msgspec.msgpack.decode(site.memory, type=SiteMemory) if site.memory else SiteMemory()


def _wants_picture(memory: SiteMemory, look: Look) -> bool:
    """Drawing a page costs seconds of a core: the learned face needs one, and a page each time it moved."""
    if look.page is None:
        return False
    if memory.learning:
        return not memory.picture
    return any(memory.told.get(check) != after for check, (_, after) in changes(memory, look.page).items())


def _result(memory: SiteMemory, look: Look, deploying: bool) -> str:
    told = _state(memory, look, deploying)
    return f"{told}; certificate: {look.certificate_error}" if look.certificate_error else told


def _state(memory: SiteMemory, look: Look, deploying: bool) -> str:
    if look.page is None:
        return f"down: {look.error}"
    if deploying:
        return "up, being rebuilt"
    if memory.learning:
        return f"up, learning ({memory.looks} looks)"
    changed = [check for check in memory.told if check not in ("up", "unstable", "certificate")]
    return f"changed: {', '.join(sorted(changed))}" if changed else "up, as learned"


def _keep(folder: Path, name: str, png: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / name).write_bytes(png)
    for old in sorted(folder.glob("changed-*.png"))[:-PICTURES_KEPT]:
        old.unlink(missing_ok=True)
