"""`jikimi rules`: the workshop of a rule engineer. Data goes to stdout, talk and progress to stderr."""

from pathlib import Path
from typing import Annotated

import typer

from jikimi.cli.errors import for_people
from jikimi.cli.options import our_rules

app = typer.Typer(
    no_args_is_help=True,
    help="Check, test, try out, compare and fetch Sigma rules; docs/rule-workshop.md tells the whole way.",
)

RulePaths = Annotated[list[Path] | None, typer.Argument(metavar="DIR…", help="Rule files or folders.  [default: ours]")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.callback()
def rules() -> None:
    """Each command's logic lies in detectors/workshop/."""


@app.command(
    "check",
    epilog="""\b
Examples:
  jikimi rules check my-rules
  jikimi rules check --json sigma/rules | jq '.refused[] | .reason'
  jikimi rules check --strict --attack enterprise-attack.json my-rules

\b
JSON: files, loaded, refused (rule, file, line, reason),
warnings (rule, file, line, check, text), blind (rule, file, logsource), left_out.
Exit code 0 when every rule loads; 1 when one is refused, with --strict also
when one is warned of or blind; 2 when a path cannot be read or holds no rule.""",
)
@for_people
def check(
    folders: RulePaths = None,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings and blind rules fail too.")] = False,
    attack: Annotated[
        Path | None, typer.Option(metavar="FILE", help="MITRE's enterprise-attack.json, to check ATT&CK tags against.")
    ] = None,
) -> None:
    """Find rules that are wrong, blind, doubled, slow, or ask for fields that their log source does not have."""
    from detectors.workshop.check import check as checked_in
    from jikimi.cli.rule_check import exit_code, told
    from jikimi.cli.rule_progress import progress

    with progress() as advance:
        checked = checked_in(folders or [our_rules()], our_rules=our_rules(), attack=attack, progress=advance)
    told(checked, as_json)
    raise typer.Exit(exit_code(checked, strict))
