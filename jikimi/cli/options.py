"""Options that several commands share."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jikimi.errors import Misconfigured
from jikimi.settings import DataDir, default_data_dir

if TYPE_CHECKING:
    from jikimi.domain.logsource import LogSource

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The centre's data folder.  [default: $JIKIMI_DATA or ./jikimi-data]"),
]
RulesOption = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="DIR", help="Folder of Sigma rules besides our own; may be given again."),
]
LogSourceOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY=VALUE,…", help="product, category, service of every event, instead of what the files say."
    ),
]
PlaceholderOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE,…", help="Values for %NAME% in rules, which are refused without; may be given again."
    ),
]


def data_dir(given: Path | None) -> DataDir:
    """The folder given, else the default one."""
    return DataDir((given or default_data_dir()).absolute())


def our_rules() -> Path:
    """The rules that ship with Jikimi."""
    spec = find_spec("rules")
    if spec is None or not spec.submodule_search_locations:
        raise Misconfigured("the packaged rules are missing; install jikimi again")
    return Path(next(iter(spec.submodule_search_locations)))


def rule_folders(given: Sequence[Path] | None) -> list[Path]:
    """Our own rules and the folders given. Raises Misconfigured for one that is not there."""
    for folder in given or ():
        if not folder.exists():
            raise Misconfigured(f"--rules {folder}: there is no such folder")
    return [our_rules(), *(given or ())]


def stated_placeholders(given: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """`Servers=srv1,srv2` as values of a placeholder. Raises Misconfigured for anything else."""
    placeholders: dict[str, tuple[str, ...]] = {}
    for text in given or ():
        name, _, values = text.partition("=")
        if not name.strip("% ") or not values:
            raise Misconfigured(f"--placeholder {text!r}: write it as Servers=srv1,srv2")
        placeholders[name.strip("% ")] = (*placeholders.get(name.strip("% "), ()), *values.split(","))
    return placeholders


def stated_logsource(text: str | None) -> "LogSource | None":
    """`product=windows,service=security` as a log source. Raises Misconfigured for anything else."""
    from jikimi.domain.logsource import LogSource

    if not text:
        return None
    stated = dict(part.strip().partition("=")[::2] for part in text.split(","))
    if not all(stated.values()) or not stated.keys() <= {"product", "category", "service"}:
        raise Misconfigured(
            f"--logsource {text!r}: write it as product=windows,service=security (product, category and service only)"
        )
    return LogSource(**stated)
