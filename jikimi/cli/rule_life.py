"""`jikimi rules list | stage | promote | …`: the life of the rules that the centre on this machine runs."""

import getpass
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from jikimi.cli.admin_client import AdminClient
from jikimi.cli.printed import print_many, print_one, say_some
from jikimi.settings import default_data_dir

RELOAD_SECONDS = 180.0

Data = Annotated[Path, typer.Option("--data", help="The centre's data folder.", default_factory=default_data_dir)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="The rule's id, name or title.")]
Why = Annotated[str, typer.Option(help="The reason, kept in the rule's history.")]
OfTenant = Annotated[
    str | None, typer.Option("--tenant", help="Company, by name or id; may be left out when there is only one.")
]


def add_to(app: typer.Typer) -> None:
    """One explicit list, in the order of `jikimi rules --help`."""
    app.command("list", epilog="Example: `jikimi rules list --stage shadow --days 14`")(list_rules)
    app.command("hits", epilog="Example: `jikimi rules hits 5b1f6a1e-…`")(hits)
    app.command("stage", epilog="Example: `jikimi rules stage 5b1f6a1e-… shadow --why 'too loud at 한빛정밀'`")(stage)
    app.command("promote", epilog="Example: `jikimi rules promote 5b1f6a1e-… --why '9 hits, all real'`")(promote)
    app.command("demote", epilog="Example: `jikimi rules demote 5b1f6a1e-… --why 'false alarms'`")(demote)
    app.command("quarantine", epilog="Example: `jikimi rules quarantine`")(quarantine)
    app.command("release", epilog="Example: `jikimi rules release 5b1f6a1e-… --why 'filter added'`")(release)
    app.command(
        "except",
        epilog="Example: `jikimi rules except --tenant 한빛정밀 --rule 5b1f6a1e-… --filter backup.yml "
        "--owner 김민수 --reason 'nightly backup' --until 2027-06-30`",
    )(except_)
    app.command("exceptions", epilog="Example: `jikimi rules exceptions --tenant 한빛정밀`")(exceptions)
    app.command("withdraw", epilog="Example: `jikimi rules withdraw 4f0c2a9be1d7 --why 'backup has moved'`")(withdraw)
    app.command("reload", epilog="Example: `jikimi rules reload`")(reload)
    app.command("history", epilog="Example: `jikimi rules history --rule 5b1f6a1e-…`")(history)


def list_rules(
    data: Data,
    stage: Annotated[str | None, typer.Option(help="Only these: draft, shadow or live.")] = None,
    days: Annotated[int, typer.Option(min=1, max=400, help="Count the hits of so many days.")] = 7,
    as_json: AsJson = False,
) -> None:
    """List the centre's rules with stage and hits, the loudest first."""
    query: dict[str, Any] = {"days": days} | ({"stage": stage} if stage else {})
    found = AdminClient(data).get("rules", **query)
    print_many(found, as_json, "hits", "shadow_hits", "stage", "quarantine", "exceptions", "level", "title", "id")


def hits(
    rule: RuleName,
    data: Data,
    days: Annotated[int, typer.Option(min=1, max=400, help="Of so many days.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Show one rule's hits by day and company, with the ids of a few events."""
    found = AdminClient(data).get("rules/hits", rule=rule, days=days)
    print_many(found, as_json, "day", "tenant_id", "stage", "hits", "event_ids")


def stage(
    rule: RuleName,
    to: Annotated[Literal["draft", "shadow", "live"], typer.Argument(metavar="STAGE", help="draft, shadow or live.")],
    data: Data,
    why: Why,
    as_json: AsJson = False,
) -> None:
    """Put a rule into a stage: draft is not run, shadow counts and tells nobody, live alerts."""
    _stage(data, rule, to, why, as_json)


def promote(rule: RuleName, data: Data, why: Why, as_json: AsJson = False) -> None:
    """One stage on: draft to shadow, shadow to live."""
    _stage(data, rule, "promote", why, as_json)


def demote(rule: RuleName, data: Data, why: Why, as_json: AsJson = False) -> None:
    """One stage back: live to shadow, shadow to draft."""
    _stage(data, rule, "demote", why, as_json)


def quarantine(data: Data, as_json: AsJson = False) -> None:
    """List the rules that threw or flooded and are set aside, with the findings that were not made."""
    found = AdminClient(data).get("rules/quarantine")
    print_many(found, as_json, "at", "kind", "tenant_id", "overflow", "applies", "title", "reason", "rule_id")


def release(rule: RuleName, data: Data, why: Why, as_json: AsJson = False) -> None:
    """Let a rule out of quarantine."""
    wish = {"rule": rule, "why": why, "by": _me()}
    print_one(AdminClient(data).post("rules/release", wish), as_json, "id", "companies", "overflow")


def except_(
    data: Data,
    rule: Annotated[str, typer.Option(help="The rule's id, name or title.")],
    filter_file: Annotated[Path, typer.Option("--filter", metavar="FILE", help="A Sigma filter, as YAML.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    reason: Annotated[str, typer.Option(help="Why it is right.")],
    until: Annotated[str, typer.Option(metavar="DATE", help="Last day in force, at most a year from now.")],
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Except one company from a rule in part. Refused when it would silence the rule's own sample."""
    try:
        text = filter_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(f"jikimi: {filter_file}: cannot be read: {error}", err=True)
        raise typer.Exit(2) from error
    wish = {"tenant": tenant, "rule": rule, "filter": text, "owner": owner, "reason": reason, "until": until}
    told = AdminClient(data).post("rules/exceptions", wish | {"by": _me()})
    print_one(told, as_json, "id", "rule", "tenant", "expires_at", "samples_still_matched")
    if not as_json and not told["samples_still_matched"]:
        typer.echo("the rule has no sample: that it still finds what it should could not be shown", err=True)


def exceptions(data: Data, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List exceptions, with how many matches each has kept from being told."""
    found = AdminClient(data).get("rules/exceptions", **({"tenant": tenant} if tenant else {}))
    print_many(found, as_json, "id", "state", "tenant", "rule", "suppressed", "owner", "reason", "expires_at")


def withdraw(
    exception: Annotated[str, typer.Argument(metavar="ID", help="See `jikimi rules exceptions`.")],
    data: Data,
    why: Why,
    as_json: AsJson = False,
) -> None:
    """End an exception."""
    wish = {"why": why, "by": _me()}
    print_one(AdminClient(data).post(f"rules/exceptions/{exception}/withdraw", wish), as_json, "id", "suppressed")


def reload(data: Data, as_json: AsJson = False) -> None:
    """Read the rule folders again in the running centre; a fault keeps the rules that run."""
    client = AdminClient(data)
    version = client.post("rules/reload", {"by": _me()})["content_version"]
    told = wait_for_workers(client, "tried_version", version)
    print_many(told, as_json, "id", "content_version", "bundle_version", "rules", "refused", "error")
    faults = client.get("rules/refused")
    say_some([f"rule refused: {one['file']}:{one['line']}: {one['rule']}: {one['reason']}" for one in faults])
    if any(worker["content_version"] < version for worker in told):
        raise typer.Exit(1)


def history(
    data: Data,
    rule: Annotated[str | None, typer.Option(help="Of one rule only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List who changed what about rules, when and why."""
    query: dict[str, Any] = {"limit": limit} | ({"rule": rule} if rule else {})
    found = AdminClient(data).get("rules/history", **query)
    print_many(found, as_json, "at", "actor", "kind", "rule_id", "tenant_id", "detail")


def wait_for_workers(client: AdminClient, column: str, value: int) -> list[dict[str, Any]]:
    """Until every worker's `column` has come to `value`, or RELOAD_SECONDS are over."""
    deadline = time.monotonic() + RELOAD_SECONDS
    while True:
        told: list[dict[str, Any]] = client.get("rules/workers")
        if all(worker[column] >= value for worker in told) or time.monotonic() > deadline:
            return told
        time.sleep(0.25)


def _stage(data: Path, rule: str, to: str, why: str, as_json: bool) -> None:
    wish = {"rule": rule, "stage": to, "why": why, "by": _me()}
    told = AdminClient(data).post("rules/stage", wish)
    print_one(told, as_json, "id", "title", "was", "stage")
    if told["was"] == told["stage"]:
        typer.echo(f"it was {told['was']} already", err=True)


def _me() -> str:
    return getpass.getuser()
