"""Errors end as one sentence on stderr and an exit code: 2 for what the user can mend, 1 for the rest."""

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from jikimi.errors import JikimiError, exit_code, first_of_ours

P = ParamSpec("P")


def for_people(command: Callable[P, None]) -> Callable[P, None]:
    """Wrap a command: Misconfigured and Poison exit 2, every other JikimiError exits 1.

    A reader of stdout that leaves (`| head`) is no error.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            try:
                command(*args, **kwargs)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing fails again when we end
        except (JikimiError, BaseExceptionGroup) as error:
            ours = first_of_ours(error)
            if ours is None:
                raise
            typer.echo(f"jikimi: {ours}", err=True)
            raise typer.Exit(exit_code(ours)) from error

    return wrapped
