"""`jikimi status`: the centre's counters, asked of the running centre or read from its files."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from jikimi.errors import JikimiError, Misconfigured, Transient
from jikimi.settings import DataDir, default_data_dir

ASK_SECONDS = 15.0


def status(
    data: Annotated[Path | None, typer.Option(help="the centre's data folder ($JIKIMI_DATA, else jikimi-data)")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Show what the centre took in, found, told, and how far behind it is."""
    try:
        found = read(DataDir(data or default_data_dir()))
    except JikimiError as error:
        typer.echo(f"jikimi status: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, Misconfigured) else 1) from error
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n".join(table(found)))


def read(folder: DataDir) -> dict[str, Any]:
    """Raises Misconfigured when the folder is no data folder, Transient when the centre does not answer."""
    if not folder.database.is_file():
        what = "is no data folder of a centre" if folder.root.is_dir() else "does not exist"
        raise Misconfigured(f"{folder.root} {what}; name the folder that `jikimi up --data` was given")
    running = ask(folder)
    return asyncio.run(read_files(folder)) if running is None else running


def ask(folder: DataDir) -> dict[str, Any] | None:
    """The running centre's own answer; None when none runs on this folder."""
    import httpx

    try:
        address = folder.address.read_text().strip()
        token = folder.admin_token.read_text().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Misconfigured(f"{error.filename} cannot be read ({error.strerror}); run as the centre's user") from error
    try:
        answer = httpx.get(
            f"{address}/v1/admin/status",
            headers={"Authorization": f"Bearer {token}"},
            timeout=ASK_SECONDS,
            trust_env=False,
        )
        answer.raise_for_status()
        body = answer.json()
    except httpx.ConnectError:
        return None  # killed: it left its address behind
    except httpx.HTTPError as error:
        raise Transient(f"the centre at {address} does not answer as it should: {error}") from error
    except ValueError as error:
        raise Transient(f"what answers at {address} is not the centre of {folder.root}") from error
    if not isinstance(body, dict):
        raise Transient(f"what answers at {address} is not the centre of {folder.root}")
    return body


async def read_files(folder: DataDir) -> dict[str, Any]:
    """Open what is there, while no centre runs. Opens nothing that is not there."""
    from jikimi.clock import utc_now
    from jikimi.storage.database import Database
    from jikimi.storage.events import EventStore
    from jikimi.storage.status import read_status
    from jikimi.stream.folder_lock import FolderLock
    from jikimi.stream.sqlite import SqliteEventLog

    async with AsyncExitStack() as stack:
        try:
            stack.callback(FolderLock(folder.root).release)  # no centre begins while we read
        except Misconfigured as error:
            raise Transient(f"a centre is starting or stopping; ask again in a moment ({error})") from error
        log = SqliteEventLog.open(folder.log) if folder.log.is_dir() else None
        if log is not None:
            stack.push_async_callback(log.close)
        database = await stack.enter_async_context(Database.sqlite(folder.database))
        store = await EventStore.open(folder.events) if folder.events.is_dir() else None
        if store is not None:
            stack.push_async_callback(store.close)
        return await read_status(database, log, store, utc_now())


def table(found: dict[str, Any]) -> Iterator[str]:
    """Aligned lines in plain words."""
    incidents, agents, lag = found["incidents"], found["agents"], found["lag"]
    yield from _rows(
        ("Events accepted", found["events_accepted"]),
        ("Events stored", found["events_stored"]),
        ("Duplicates cut", found["duplicates_cut"]),
        ("Set aside as unreadable", found["dead_lettered"]),
    )
    yield ""
    yield from _rows(("Findings", found["findings"]), ("Incidents", incidents["total"]))
    yield from _rows(*((f"  {word}", n) for word, n in incidents.items() if word != "total"))
    yield from _rows(*((f"  {level.replace('_', ' ')} risk", n) for level, n in found["incidents_by_risk"].items()))
    yield ""
    yield from _rules(found["rules"])
    yield ""
    notices = found["notifications"]
    yield from _rows(("Notices", sum(notices.values())))
    yield from _rows(*((f"  {state}", n) for state, n in notices.items() if n))
    yield ""
    yield from _rows(("Agents", agents["total"]), ("  silent for 3 minutes", agents["silent"]))
    yield from _rows(*((f"Still to be read by {group}", n) for group, n in lag.items()))
    yield ""
    yield f"As of {found['generated_at']}"


def _rules(rules: dict[str, Any]) -> Iterator[str]:
    yield from _rows(("Rules", rules["loaded"]), ("  in shadow", rules["shadow"]), ("  in draft", rules["draft"]))
    shown = (
        "refused",
        "quarantined",
        "overflow",
        "exceptions",
        "suppressed",
        "groups_given_up",
        "events_too_late",
        "bundle_version",
    )
    yield from _rows(*((f"  {name.replace('_', ' ')}", rules[name]) for name in shown if rules[name]))
    if rules["reload_error"]:
        yield f"  not reloaded: {rules['reload_error']}"


def _rows(*rows: tuple[str, int]) -> Iterator[str]:
    return (f"{name:<34}{value:>14,}" for name, value in rows)
