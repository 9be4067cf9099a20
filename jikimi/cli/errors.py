"""Errors end as one sentence on stderr and an exit code: 2 for what the user can mend, 1 for the rest."""

import functools
from collections.abc import Callable
from typing import ParamSpec

import typer

from jikimi.errors import JikimiError, exit_code, first_of_ours

P = ParamSpec("P")


def for_people(command: Callable[P, None]) -> Callable[P, None]:
    """Wrap a command: Misconfigured and Poison exit 2, every other JikimiError exits 1."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (JikimiError, BaseExceptionGroup) as error:
            ours = first_of_ours(error)
            if ours is None:
                raise
            typer.echo(f"jikimi: {ours}", err=True)
            raise typer.Exit(exit_code(ours)) from error

    return wrapped
