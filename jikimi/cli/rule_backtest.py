"""The work of `jikimi rules backtest`: over files, over the store of a stopped centre, or asked of one that runs."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import structs

from collectors.files import Problems, SourceEvent, input_files, read_events
from detectors.reorder import Reorder
from detectors.sigma import cache
from detectors.sigma.load import load_rules
from detectors.sigma.report import Refusal
from detectors.sigma.source import Source, sources
from detectors.workshop.backtest import Backtest, Backtested, Past
from jikimi.cli.printed import say_some
from jikimi.cli.rule_ask import ask_centre
from jikimi.cli.rule_store import EARLIEST, LATEST, stored_past
from jikimi.domain.event import canonical, event_time
from jikimi.domain.tenant import Tenant
from jikimi.errors import Misconfigured, Transient
from jikimi.settings import DataDir
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.stream.folder_lock import FolderLock

BLOCK = 1_000
_HELD_BACK = 50_000
"""Events of files, put into the order of their time."""
_RELATIVE = {"d": "days", "h": "hours", "m": "minutes"}

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rule files and folders (none: ours), and since <= event time < until."""

    rules: Sequence[Path]
    since: datetime
    until: datetime
    examples: int

    def start(self) -> Backtest:
        """Raises Misconfigured when no rule can be used."""
        rules, report = load_rules(self.rules, keep_in=cache.folder())
        if not report.loaded and not rules.open.rules:
            raise self.unusable(report.refused)
        return Backtest(rules, report, self.examples)

    def unusable(self, refused: Sequence[Refusal]) -> Misconfigured:
        why = f": {refused[0]}" if refused else ""
        return Misconfigured(f"no rule in {', '.join(map(str, self.rules))} can be used{why}")


def split(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """(rules, event files): `.yml`, `.yaml` and folders that hold such files are rules."""
    rules = [path for path in paths if _holds_rules(path)]
    if not rules:
        raise Misconfigured(
            f"no rule (.yml) among {', '.join(map(str, paths))}; name the rules first, then event files"
        )
    return rules, [path for path in paths if path not in rules]


def _holds_rules(path: Path) -> bool:
    if path.is_dir():
        return any(True for kind in ("*.yml", "*.yaml") for _ in path.rglob(kind))
    return path.suffix in (".yml", ".yaml")


def wanted(rules: Sequence[Path], since: str | None, until: str | None, examples: int) -> Wanted:
    """Raises Misconfigured for a time that is none, and for one that ends before it begins."""
    now = datetime.now(UTC)
    wish = Wanted(rules, moment(since, EARLIEST, now), moment(until, LATEST, now), examples)
    if wish.until <= wish.since:
        raise Misconfigured(f"--to {until} is not later than --from {since}")
    return wish


def tested_back(
    wish: Wanted, files: Sequence[Path], data: DataDir, tenant: str | None, seconds: float, tell: Tell
) -> Backtested:
    """Over the files if there are any, else over the event store, by whoever has it open."""
    if files:
        if tenant is not None:
            raise Misconfigured("--tenant chooses a company of the event store; files belong to none")
        return over_files(wish, files, tell)
    sent = {f"{n}{Path(one.file).suffix}": one for n, one in enumerate(sources(wish.rules))}
    told = ask_centre(_asked(wish, sent, tenant, seconds), data, tell)
    if told is None:
        return over_store(wish, data, tenant, tell)
    named = _named(told, sent)
    if not named.loaded:
        raise wish.unusable(named.refused)
    return named


def _named(told: Backtested, sent: Mapping[str, Source]) -> Backtested:
    """With the files' own names in place of those they were sent under."""
    for rule in told.rules:
        rule.file = sent[rule.file].file
    return structs.replace(told, refused=tuple(structs.replace(one, file=sent[one.file].file) for one in told.refused))


def _asked(wish: Wanted, sent: Mapping[str, Source], tenant: str | None, seconds: float) -> dict[str, Any]:
    """The wish as the API takes it."""
    return {
        "files": {name: one.data.decode("utf-8", "replace") for name, one in sent.items()},
        "since": wish.since.isoformat(),
        "until": wish.until.isoformat(),
        "tenant": tenant,
        "examples": wish.examples,
        "seconds": seconds,
    }


def moment(text: str | None, otherwise: datetime, now: datetime) -> datetime:
    """`2026-11-22`, `2026-11-22T02:13+09:00` (UTC where no zone stands), or `7d`, `12h`, `30m` ago."""
    if text is None:
        return otherwise
    if text[:-1].isdecimal() and (unit := _RELATIVE.get(text[-1])):
        try:
            return now - timedelta(**{unit: int(text[:-1])})
        except OverflowError:
            return otherwise
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Misconfigured(f"{text!r} is no time: write 2026-11-22, 2026-11-22T02:13Z or 7d (7 days ago)") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def over_files(wanted: Wanted, files: Sequence[Path], tell: Tell) -> Backtested:
    """Every file as one company's past. Raises Misconfigured for one that cannot be used."""
    tell("loading rules", 0, 0)
    run, problems = wanted.start(), Problems()
    company = Tenant("files", "files")
    inputs = input_files(files)
    total = sum(file.stat().st_size for file in inputs if file.is_file())
    done = 0

    def taken(size: int) -> None:
        nonlocal done
        done += size
        tell("matching", done, total)

    held: Reorder[Past] = Reorder(_HELD_BACK)
    for file in inputs:
        for one in _past(read_events(file, problems=problems, progress=taken), wanted, str(file)):
            held.add(one.time.timestamp(), one)
            _feed(run, company, held.due())
    _feed(run, company, held.rest())
    say_some(problems.notes, problems.untold)
    return run.result()


def _past(events: Iterator[SourceEvent], wanted: Wanted, name: str) -> Iterator[Past]:
    now = datetime.now(UTC)
    for logsource, event in events:
        if wanted.since <= (happened := event_time(event)) < wanted.until:
            yield Past(name, logsource, happened, now, canonical(event))


def _feed(run: Backtest, company: Tenant, past: Sequence[Past]) -> None:
    for first in range(0, len(past), BLOCK):
        run.feed(company, past[first : first + BLOCK])


def over_store(wanted: Wanted, data: DataDir, tenant: str | None, tell: Tell) -> Backtested:
    """The event store of a centre that does not run.

    Raises Misconfigured when it holds none or runs after all, Transient when it is just starting or stopping.
    """
    if not data.events.is_dir() or not data.database.is_file():
        raise Misconfigured(f"{data.root} holds no event store; name the folder of `jikimi up --data`, or event files")
    return asyncio.run(_over_store(wanted, data, tenant, tell))


async def _over_store(wanted: Wanted, data: DataDir, tenant: str | None, tell: Tell) -> Backtested:
    tell("loading rules", 0, 0)
    run = wanted.start()
    async with AsyncExitStack() as stack:
        try:
            stack.callback(FolderLock(data.root).release)
        except Misconfigured as error:
            raise Transient(f"a centre is starting or stopping; ask again in a moment ({error})") from error
        database = await stack.enter_async_context(Database.sqlite(data.database))
        store = await stack.enter_async_context(await EventStore.open(data.events))
        past = await stored_past(database, store, tenant, wanted.since, wanted.until)
        tell("matching", 0, past.total)
        async for company, page in past.pages():
            run.feed(company, page)
            tell("matching", run.events, past.total)
    return run.result()
