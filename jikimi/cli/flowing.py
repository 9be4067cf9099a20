"""The work of `jikimi flows`: captures → flows → lines on stdout, and what could not be read on stderr."""

import csv
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from collectors.files.opening import captures_in
from collectors.files.problems import Problems
from collectors.flows.dissect import Seen, dissect
from collectors.flows.rare_links import RareLinks
from collectors.flows.record import COLUMNS, flow_record
from collectors.flows.table import Flow, FlowTable, Timeouts
from collectors.flows.window import Readable
from jikimi.cli.printed import say_some
from jikimi.cli.streams import Unwritable, progress, silence_stdout, writing
from jikimi.errors import Misconfigured

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Asked:
    """`timeout` in seconds; `join`: the files are one capture."""

    files: list[Path]
    timeout: float | None
    join: bool
    as_csv: bool


@dataclass(slots=True)
class _Tally:
    """What came of all files."""

    problems: Problems
    seen: Seen
    flows: int = 0
    evicted: int = 0
    unplaced: int = 0
    failed: int = 0


def print_flows(asked: Asked) -> int:
    """The exit code."""
    tally = _Tally(Problems(), Seen())
    try:
        _print(_flows(asked, tally), asked, tally)
        with writing():
            sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
        return 0
    except Unwritable as error:
        silence_stdout()
        _say(f"jikimi flows: stdout takes no more flows ({error}); the rest is missing.")
        return 1
    _summary(tally)
    return 2 if tally.failed else 0


def _print(flows: Iterable[tuple[str, Flow]], asked: Asked, tally: _Tally) -> None:
    """`file` tells several files apart; joined, they are one."""
    named = len(asked.files) > 1 and not asked.join
    columns = ("file", *COLUMNS) if named else COLUMNS
    encode = _csv_row(columns) if asked.as_csv else _json_line
    out = sys.stdout.buffer
    if asked.as_csv:
        with writing():
            out.write(encode(dict(zip(columns, columns, strict=True))))
    for file, flow in flows:
        record = flow_record(flow)
        tally.flows += 1
        with writing():
            out.write(encode({"file": file, **record} if named else record))


def _json_line(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _csv_row(columns: tuple[str, ...]) -> Callable[[dict[str, Any]], bytes]:
    """RFC 4180; several VLANs of a flow are separated by blanks."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)

    def encode(record: dict[str, Any]) -> bytes:
        text.seek(0)
        text.truncate()
        vlan = record["vlan"]
        writer.writerow({**record, "vlan": vlan if isinstance(vlan, str) else " ".join(map(str, vlan))})
        return text.getvalue().encode()

    return encode


def _flows(asked: Asked, tally: _Tally) -> Iterator[tuple[str, Flow]]:
    """Each flow with the capture it is from."""
    timeouts = Timeouts.of(asked.timeout) if asked.timeout else Timeouts()
    files = list(_once(asked.files))
    table, place = FlowTable(timeouts), ""
    with progress("flows", files) as advance, RareLinks() as rare:
        for path in files:
            stdin = sys.stdin.buffer if path == STDIN else None
            try:
                for place, stream in captures_in(path, tally.problems, stdin=stdin, progress=advance):
                    yield from ((place, flow) for flow in _of_one(stream, place, table, tally, rare))
                    if not asked.join:
                        yield from ((place, flow) for flow in _rest(table, tally))
                        table = FlowTable(timeouts)
            except Misconfigured as error:
                tally.failed += 1
                _say(f"jikimi flows: {error}")
        if rare.failure:
            tally.problems.note(rare.failure)
    yield from ((place, flow) for flow in _rest(table, tally))


def _of_one(stream: Readable, place: str, table: FlowTable, tally: _Tally, rare: RareLinks) -> Iterator[Flow]:
    told = False

    def damage(sentence: str) -> None:
        nonlocal told
        if told:
            tally.problems.note(f"{place}: {sentence}")
        else:
            tally.problems.broken(place, sentence)
        told = True

    for found in dissect(stream, table, tally.seen, damage, rare):
        if isinstance(found, Flow):
            yield found


def _rest(table: FlowTable, tally: _Tally) -> Iterator[Flow]:
    yield from table.close()
    tally.evicted += table.evicted
    tally.unplaced += table.unplaced_fragments


def _once(files: list[Path]) -> Iterator[Path]:
    """Each file once, however often and by whatever name it was given."""
    known = set()
    for path in files:
        try:
            found = os.stat(path)  # noqa: PTH116 - Path.stat would do the same
            identity = (found.st_dev, found.st_ino)
        except OSError:
            yield path  # opening it tells the reason
            continue
        if identity in known:
            _say(f"{path}: named twice, read once")
        else:
            known.add(identity)
            yield path


def _summary(tally: _Tally) -> None:
    seen = tally.seen
    undecoded = sum(seen.undecoded.values())
    for reason, count in seen.undecoded.items():
        tally.problems.note(f"{count} packets {reason}")
    say_some(tally.problems.notes, tally.problems.untold)
    if tally.unplaced:
        _say(f"{tally.unplaced} fragments without the first of their packet: counted as flows without ports")
    if tally.evicted:
        _say(f"{tally.evicted} flows ended early: more were open at once than are held in memory")
    _say(
        f"flows: {tally.flows}; packets: {seen.packets}, of them not IP: {seen.not_ip}, undecoded: {undecoded}; "
        f"damaged captures: {tally.problems.damaged}"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr)
