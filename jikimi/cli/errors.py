"""Errors end as one sentence on stderr and an exit code: 2 for what the user can mend, 1 for the rest."""

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from jikimi.errors import JikimiError, exit_code, first_of_ours

P = ParamSpec("P")

OURS = ("jikimi", "collectors", "detectors", "alerting", "api", "rules")


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
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in OURS:
                raise  # a defect, not an install without this part
            typer.echo(f"jikimi: {not_installed(error)}", err=True)
            raise typer.Exit(2) from error

    return wrapped


def not_installed(error: ModuleNotFoundError) -> str:
    """An agent's install has no centre in it, and the other way round."""
    return (
        f"this part is not installed here ({error.name} is missing): "
        "install jikimi with the extra 'centre', or 'agent' for the agent"
    )
