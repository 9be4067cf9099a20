"""Errors end as one sentence on stderr and an exit code: 2 for what the user can mend, 1 for the rest."""

import functools
from collections.abc import Callable
from typing import ParamSpec

import typer

from jikimi.errors import JikimiError, Misconfigured, Poison

P = ParamSpec("P")


def for_people(command: Callable[P, None]) -> Callable[P, None]:
    """Wrap a command: Misconfigured and Poison exit 2, every other JikimiError exits 1."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except JikimiError as error:
            raise _said(error) from error
        except BaseExceptionGroup as group:
            ours = group.subgroup(JikimiError)
            if ours is None:
                raise
            raise _said(_first(ours)) from group

    return wrapped


def _said(error: BaseException) -> typer.Exit:
    typer.echo(f"jikimi: {error}", err=True)
    return typer.Exit(2 if isinstance(error, Misconfigured | Poison) else 1)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
