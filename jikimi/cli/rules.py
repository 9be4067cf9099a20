"""`jikimi rules`: the workshop of a rule engineer. Data goes to stdout, talk and progress to stderr."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from jikimi.cli import rule_bundle, rule_life
from jikimi.cli.errors import for_people
from jikimi.cli.options import DataOption, data_dir, our_rules
from jikimi.errors import Misconfigured

app = typer.Typer(
    no_args_is_help=True,
    help="Check, test, try out, compare and fetch Sigma rules; docs/rule-workshop.md tells the whole way.",
)

RulePaths = Annotated[list[Path] | None, typer.Argument(metavar="DIR…", help="Rule files or folders.  [default: ours]")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


class RulePackage(StrEnum):
    """The packages of a SigmaHQ release: all from medium up, then the quietest to the noisiest of the general ones."""

    ALL = "all"
    CORE = "core"
    CORE_PLUS = "core+"
    CORE_PLUS_PLUS = "core++"
    EMERGING = "emerging"


@app.callback()
def rules() -> None:
    """Each command's logic lies in detectors/workshop/."""


def _told_beside(paths: list[Path]) -> list[Path]:
    """What belongs to the rules and lies elsewhere is used, and said: nobody named it."""
    from detectors.workshop.beside import named_beside
    from jikimi.cli.printed import say_some

    beside = named_beside(paths)
    say_some([f"also read: {file}" for file in beside])
    return beside


def _not_without_rules(files: int, folders: list[Path] | None) -> None:
    """A folder without rules is mostly a slip of the pen; the JSON, which says 0, has been written."""
    if not files:
        raise Misconfigured(f"no rule (.yml, .yaml) in {', '.join(map(str, folders or [our_rules()]))}")


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

    paths = folders or [our_rules()]
    beside = _told_beside(paths)
    with progress() as advance:
        checked = checked_in(paths, our_rules=our_rules(), attack=attack, progress=advance, beside=beside)
    told(checked, as_json)
    _not_without_rules(checked.files, folders)
    raise typer.Exit(exit_code(checked, strict))


@app.command(
    "test",
    epilog="""\b
Examples:
  jikimi rules test                          # our own rules
  jikimi rules test my-rules/port_scan.yml
  jikimi rules test --json my-rules | jq '.results[] | select(.problem != "")'

\b
Samples stand beside a rule as RULE.samples.ndjson (rules/README.md, "Samples").
Exit code 0 when every sample is fulfilled; 1 when one is not, cannot be read,
or a rule is refused; 2 when a path cannot be read or holds no rule.""",
)
@for_people
def samples(folders: RulePaths = None, as_json: AsJson = False) -> None:
    """Run the samples beside rules through all of them, as the centre would, and tell of each."""
    from detectors.workshop.samples import run_samples
    from jikimi.cli.rule_progress import progress
    from jikimi.cli.rule_samples import exit_code, told

    paths = folders or [our_rules()]
    beside = _told_beside(paths)
    with progress() as advance:
        tested = run_samples(paths, advance, beside)
    told(tested, as_json)
    _not_without_rules(tested.files, folders)
    raise typer.Exit(exit_code(tested))


@app.command(
    "backtest",
    epilog="""\b
Examples:
  jikimi rules backtest my-rules/port_scan.yml Security.evtx telemetry.zip
  jikimi rules backtest my-rules --data ./centre --from 30d --tenant 한빛정밀
  jikimi rules backtest --json my.yml --data ./centre | jq '.rules[].by_day'

\b
Without event files the event store of --data is read: asked of the centre when
it runs, opened when it does not. Days are UTC.
JSON: events, loaded, seconds, first, last, hits, complete, refused, blind,
failed and rules (rule, title, level, hits, by_day, by_tenant, examples).
Exit code 0 with or without hits; 1 when the centre does not answer;
2 when a rule, a file or a folder cannot be used.""",
)
@for_people
def backtest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RULE… [FILE…]", help="Rules (.yml, folders of them), then event files.")
    ],
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="2026-11-22, 2026-11-22T02:13Z, 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The first moment no longer read.")] = None,
    tenant: Annotated[str | None, typer.Option(help="One company, by name or id; else every one.")] = None,
    data: DataOption = None,
    examples: Annotated[int, typer.Option(min=0, max=20, help="Shown of each rule.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long a running centre may read.")] = 300.0,
    as_json: AsJson = False,
) -> None:
    """Tell what rules would have found in the past: hits a day and a company, examples, and how long it took."""
    from jikimi.cli.rule_backtest import split, tested_back, wanted
    from jikimi.cli.rule_plot import told
    from jikimi.cli.rule_progress import progress

    chosen, files = split(paths)
    chosen += _told_beside(chosen)
    wish = wanted(chosen, since, until, examples)
    with progress() as tell:
        found = tested_back(wish, files, data_dir(data), tenant, seconds, tell)
    told(found, as_json)


@app.command(
    "coverage",
    epilog="""\b
Examples:
  jikimi rules coverage
  jikimi rules coverage --rules sigma/rules --html coverage.html
  jikimi rules coverage --rules sigma/rules --navigator layer.json
  jikimi rules coverage --attack enterprise-attack.json --html coverage.html

\b
Tactics of techniques are read from the rules' own tags; with MITRE's data
(--attack) also names and the techniques of which no rule speaks.
Exit code 0; 2 when no rule can be used or a file cannot be read or written.""",
)
@for_people
def coverage(
    folders: Annotated[
        list[Path] | None,
        typer.Option("--rules", metavar="DIR", help="Rule file or folder; may be given again.  [default: ours]"),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page to look at.")] = None,
    navigator: Annotated[Path | None, typer.Option(metavar="FILE", help="Write an ATT&CK Navigator layer.")] = None,
    attack: Annotated[Path | None, typer.Option(metavar="FILE", help="MITRE's enterprise-attack.json.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show which ATT&CK tactics and techniques the rules watch, and which rules are blind for lack of a source."""
    from detectors.workshop.coverage import coverage as covered_by
    from jikimi.cli.rule_coverage import told
    from jikimi.cli.rule_progress import progress

    with progress() as advance:
        covered = covered_by(folders or [our_rules()], advance, attack)
    told(covered, as_json=as_json, html=html, navigator=navigator)


@app.command(
    "fetch",
    epilog="""\b
Examples:
  jikimi rules fetch --into sigma                        # SigmaHQ, the latest
  jikimi rules fetch --release r2026-04-01 --set core --into sigma
  jikimi rules fetch --from sigma_all_rules.zip --sha256 9f2c… --into sigma

\b
A download is verified by --sha256, else by the digest that the release states;
without either it is refused. A file is verified by --sha256 or FILE.sha256
beside it, and where there is neither that is said. DIR/jikimi-rules.json
records what was fetched. Proxies are taken from HTTPS_PROXY.
Exit code 0 also when DIR held it already; 1 when the line fails (try again);
2 when it is not what was stated or cannot be used. DIR is then as it was.""",
)
@for_people
def fetch(
    into: Annotated[Path, typer.Option(metavar="DIR", help="Folder of its own for these rules; replaced as a whole.")],
    release: Annotated[str | None, typer.Option(metavar="TAG", help="Release.  [default: the latest]")] = None,
    package: Annotated[RulePackage, typer.Option("--set", help="Which of the release's packages.")] = RulePackage.ALL,
    source: Annotated[str | None, typer.Option("--from", metavar="URL|FILE", help="A zip from elsewhere.")] = None,
    sha256: Annotated[str | None, typer.Option(metavar="HEX", help="What it must be.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the public Sigma rules (SigmaHQ) by release, verified; what was there stays until all is well."""
    from detectors.workshop.fetch import Origin
    from detectors.workshop.fetch import fetch as fetched_from
    from jikimi.cli.rule_fetch import told
    from jikimi.cli.rule_progress import progress
    from jikimi.clock import utc_now

    origin = Origin(release=release, package=package.value, source=source, sha256=sha256)
    with progress() as advance:
        fetched = fetched_from(origin, into, utc_now(), advance)
    told(fetched, as_json)


@app.command(
    "diff",
    epilog="""\b
Examples:
  jikimi rules diff sigma.old sigma
  jikimi rules diff --json sigma.old sigma | jq '.meaning[].title'
  jikimi rules diff sigma.old sigma --backtest telemetry.zip --backtest Security.evtx

\b
A rule is the same one by its id. Its meaning is what it matches, whatever the
order it is written in. JSON: old, new, same, added, removed, meaning, level,
words, newly_refused and, with --backtest, findings.
Exit code 0 when nothing differs, 1 when something does, 2 when a path cannot
be used.""",
)
@for_people
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Rule file or folder.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The other version of it.")],
    files: Annotated[
        list[Path] | None,
        typer.Option("--backtest", metavar="FILE", help="Event file or folder in which hits are compared."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what another version of a rule set changes: rules added, removed, changed in meaning, level or words."""
    from detectors.workshop.compare import compare, side
    from jikimi.cli.rule_backtest import over_files, wanted
    from jikimi.cli.rule_diff import findings_change, told
    from jikimi.cli.rule_progress import progress

    findings = None
    with progress() as advance:
        compared = compare(side([old], advance), side([new], advance))
        if files:
            before, after = (over_files(wanted([path], None, None, 0), files, advance) for path in (old, new))
            findings = findings_change(before, after)
    told(compared, findings, as_json)
    differs = compared.same != compared.new or compared.same != compared.old or bool(findings)
    raise typer.Exit(1 if differs else 0)


rule_life.add_to(app)
app.add_typer(rule_bundle.app, name="bundle")
