"""What commands share that read files and write lines to stdout: a bar for who watches, a calm end when stdout ends."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress


class Unwritable(Exception):
    """Stdout takes no more, for another reason than a reader that left."""


@contextmanager
def writing() -> Iterator[None]:
    """Around every write to stdout. Raises Unwritable, or BrokenPipeError when the reader left."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritable(error.strerror) from error


def silence_stdout() -> None:
    """What is still buffered must not fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def progress(what: str, inputs: Sequence[Path]) -> Iterator[Callable[[int], None]]:
    """A bar on stderr when a person watches; gives what takes the number of bytes read."""
    total = sum(os.path.getsize(p) for p in inputs if os.path.isfile(p))  # noqa: PTH113, PTH202 - Path raises where denied
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total or None)
        yield lambda size: bar.advance(task, size)
