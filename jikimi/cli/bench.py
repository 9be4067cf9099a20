"""`jikimi bench`: figures anyone can repeat."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from jikimi.cli.errors import for_people
from jikimi.cli.options import RulesOption, our_rules, rule_folders
from jikimi.errors import Misconfigured
from jikimi.settings import DataDir

app = typer.Typer(no_args_is_help=True, help="Measure this machine with your own files.")


@app.callback()
def bench() -> None:
    """Each figure's code lies in bench/."""


@app.command("pipeline")
@for_people
def pipeline(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Telemetry in any format of `jikimi replay`.")],
    rules: RulesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Events/s through a whole centre (accept, detect, archive), and how long an incident takes to appear.

    A fresh centre runs in a temporary folder; the files go through HTTP ingest from a second process, as an agent's
    would. CPU and memory are those of the centre's process alone.

    Examples:

        jikimi bench pipeline telemetry.zip

        jikimi bench pipeline --json --rules ./sigma/rules *.evtx
    """
    from bench.pipeline import measure
    from jikimi.logs import set_up_logs

    set_up_logs(verbose=False)
    for file in files:
        if not file.is_file():
            raise Misconfigured(f"{file}: there is no such file")
    with tempfile.TemporaryDirectory(prefix="jikimi-bench-") as folder:
        result = asyncio.run(measure(DataDir(Path(folder)), rule_folders(rules), files))
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    for name, value in result.items():
        typer.echo(f"{name:32} {'-' if value is None else value}")


@app.command("log")
@for_people
def log(
    kafka: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Measure this broker instead.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each figure is measured.")] = 3.0,
    folder: Annotated[Path | None, typer.Option(help="Where the embedded log writes: its disk decides.")] = None,
) -> None:
    """Appends and reads a second of the event log: alone, many writers, large blocks.

    Examples:

        jikimi bench log --folder /srv

        jikimi bench log --kafka 127.0.0.1:9092
    """
    from bench.event_log import measure

    with tempfile.TemporaryDirectory(prefix="jikimi-bench-", dir=folder) as scratch:
        for what, amount, unit in asyncio.run(measure(kafka, Path(scratch), seconds)):
            typer.echo(f"{what:<58} {amount:>12,.0f} {unit}")


@app.command("agent")
@for_people
def agent(
    seconds: Annotated[float, typer.Option(min=5, max=600, help="How long the load is played.")] = 30.0,
    rate: Annotated[int, typer.Option(min=8, max=2000, help="Flows a second: three quarters TCP, the rest UDP.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """CPU and memory of the real agent under a fixed load, and what it saw beside tshark (root; Linux).

    Two network namespaces are made and removed again; the load is flows, file accesses and program starts. Nothing
    leaves this machine.

    Examples:

        sudo jikimi bench agent

        sudo jikimi bench agent --seconds 60 --rate 400 --json
    """
    from bench.agent import measure

    result = measure(seconds, rate, lambda line: typer.echo(line, err=True))
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    for name, value in result.items():
        inside = value if isinstance(value, dict) else {"": value}
        for key, told in inside.items():
            words = ", ".join(f"{k} {v}" for k, v in told.items()) if isinstance(told, dict) else told
            typer.echo(f"{f'{name} {key}'.strip():36} {words}")


@app.command("sigma")
@for_people
def sigma(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="One lane of these, in any format of `jikimi detect`.")
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", metavar="DIR", help="Folder of Sigma rules instead of our own; may be given again."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """How fast rules are matched, beside `orjson.loads` of the same bytes, in one run on one core.

    Without files: lanes of our own making, new events every round. `of orjson` is the time of matching over that of
    decoding; rates are by the second of CPU of the thread that works. Starts are measured in processes of their own.

    Examples:

        jikimi bench sigma

        jikimi bench sigma --rules ./sigma/rules --json

        jikimi bench sigma --rules ./sigma/rules telemetry.zip *.evtx
    """
    from bench.sigma import measure, table

    for file in files or ():
        if not file.is_file():
            raise Misconfigured(f"{file}: there is no such file")
    for folder in rules or ():
        if not folder.exists():
            raise Misconfigured(f"--rules {folder}: there is no such folder")
    result = measure(rules or [our_rules()], files or (), lambda told: typer.echo(told, err=True))
    typer.echo(json.dumps(result, ensure_ascii=False) if as_json else table(result))
