"""`python -m detectors.workshop.child`: a workshop command in a process of its own: a centre never waits for it.

Stdin: one line of JSON, a `Wish`; for a backtest then frames of events (`frame`), until it is closed. Stdout: lines of
JSON, `{"progress": [what, done, total]}` and at the end `{"result": …}` or `{"error": "one sentence"}`. The process is
low in priority and is given bounds for time and memory before it reads anything.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal

import msgspec

from detectors.sigma import cache
from detectors.sigma.load import load_rules
from detectors.workshop.backtest import EXAMPLES, Backtest, Backtested, Past
from detectors.workshop.check import check
from detectors.workshop.coverage import coverage
from detectors.workshop.documents import Progress
from detectors.workshop.samples import run_samples
from jikimi.domain.tenant import Tenant
from jikimi.errors import JikimiError

MEMORY = 3 << 30
"""Bytes of address space."""
CPU_SECONDS = 900
_TELL_EVERY = 0.5

Command = Literal["check", "test", "backtest", "coverage"]


class Wish(msgspec.Struct, frozen=True, omit_defaults=True):
    """`paths` are rule files and folders, `our_rules` the folder of our own; `events` is how many will come."""

    command: Command
    paths: tuple[str, ...]
    our_rules: str
    examples: int = EXAMPLES
    events: int = 0


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """The next events of one company."""

    tenant: Tenant
    past: list[Past]


_encode_frame = msgspec.msgpack.Encoder().encode
_decode_frame = msgspec.msgpack.Decoder(Frame).decode


def frame(tenant: Tenant, past: list[Past]) -> bytes:
    """As it travels: its length in four bytes, then MessagePack."""
    body = _encode_frame(Frame(tenant, past))
    return len(body).to_bytes(4, "big") + body


def frames(stream: IO[bytes]) -> Iterator[Frame]:
    """What comes, until the stream ends."""
    while len(head := stream.read(4)) == 4:
        yield _decode_frame(stream.read(int.from_bytes(head, "big")))


def answer(wish: Wish, stream: IO[bytes], tell: Progress) -> msgspec.Struct:
    """The result of one wish. Raises a JikimiError that says what was wrong with it."""
    paths = [Path(path) for path in wish.paths]
    if wish.command == "check":
        return check(paths, our_rules=Path(wish.our_rules), progress=tell)
    if wish.command == "test":
        return run_samples(paths, tell)
    if wish.command == "coverage":
        return coverage(paths, tell)
    return _backtest(wish, paths, stream, tell)


def _backtest(wish: Wish, paths: list[Path], stream: IO[bytes], tell: Progress) -> Backtested:
    rules, report = load_rules(paths, keep_in=cache.folder())
    run = Backtest(rules, report, wish.examples)
    for one in frames(stream):
        run.feed(one.tenant, one.past)
        tell("matching", run.events, wish.events)
    return run.result(complete=run.events >= wish.events)


def _bound() -> None:
    with suppress(ImportError):
        import os
        import resource

        os.nice(10)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


class _Telling:
    """Progress as lines, at most two a second."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + _TELL_EVERY
            _say({"progress": [what, done, total]})


def _say(told: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Serve the one wish on stdin."""
    _bound()
    wish = msgspec.json.decode(sys.stdin.buffer.readline(), type=Wish)
    try:
        _say({"result": answer(wish, sys.stdin.buffer, _Telling())})
    except JikimiError as error:
        _say({"error": str(error)})
    except MemoryError:
        _say({"error": f"this needs more than {MEMORY >> 30} GB of memory; ask for fewer rules or less time"})


if __name__ == "__main__":
    main()
