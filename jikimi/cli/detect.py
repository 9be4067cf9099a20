"""`jikimi detect`: rules against files, without a server."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from jikimi.cli.errors import not_installed
from jikimi.cli.options import LogSourceOption, PlaceholderOption, stated_logsource, stated_placeholders
from jikimi.errors import Misconfigured

EPILOG = """\b
Examples:
  jikimi detect Security.evtx
  jikimi detect --rules sigma/rules --rules my-rules export.ndjson.gz capture.pcap
  jikimi detect --placeholder DomainControllers=DC01,DC02 --rules sigma/rules Security.evtx
  jikimi detect --rules sigma/rules /var/log/audit/audit.log /var/log/nginx > findings.ndjson
  jikimi detect --logsource product=azure,service=signinlogs signins.json

\b
Findings go to stdout, one JSON object a line; the summary, refused rules and damaged input to stderr.
Exit code 0 with or without findings; 2 when a file or a rule folder cannot be used (the other files are still read);
1 when the findings cannot be written.
A file that is damaged inside is read as far as possible and reported; that alone is no error."""


def detect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Event files, or folders of them.")],
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", metavar="DIR", help="Rule file or folder; may be given again. Default: Jikimi's own."),
    ] = None,
    logsource: LogSourceOption = None,
    placeholder: PlaceholderOption = None,
) -> None:
    """Run Sigma rules over event files and print the findings.

    Files are told by their content: .evtx, JSON, XML, .pcap, and the logs of systems, web servers, proxies, DNS,
    databases, Zeek and firewalls; also in .zip and .gz.
    """
    from collectors.files import input_files

    try:
        from jikimi.cli.detecting import detect_in
    except ModuleNotFoundError as error:
        _fail(not_installed(error))
    try:
        raise typer.Exit(
            detect_in(input_files(files), stated_logsource(logsource), rules, stated_placeholders(placeholder))
        )
    except Misconfigured as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    typer.echo(f"jikimi detect: {text}", err=True)
    raise typer.Exit(2)
