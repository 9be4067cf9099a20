"""`jikimi admin agent-config`: what agents are told to do, signed by the centre."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from jikimi.cli.admin_client import AdminClient
from jikimi.cli.admin_options import AsJson, Data, OfTenant
from jikimi.cli.errors import for_people
from jikimi.cli.printed import print_one
from jikimi.errors import Misconfigured

app = typer.Typer(
    no_args_is_help=True,
    help="Settings of agents from the centre: for a whole company, or for one device over it. They have the names of "
    "the agent's settings.json and go over what stands there; lists replace, objects are merged.",
    rich_markup_mode="markdown",
)

Device = Annotated[str | None, typer.Option("--device", help="One computer, by name; without it the whole company.")]
By = Annotated[str, typer.Option("--by", help="Who decided it; it is kept on record.")]


@app.command("show", epilog="Example: `jikimi admin agent-config show --tenant 한빛정밀 --device 설계PC-01`")
def show(data: Data, tenant: OfTenant = None, device: Device = None, as_json: AsJson = False) -> None:
    """Show what is set for the company, and what is in force on a device."""
    query = {name: value for name, value in (("tenant", tenant), ("device", device)) if value}
    _print(AdminClient(data).get("agent-config", **query), as_json)


@app.command(
    "set",
    epilog='Example: `jikimi admin agent-config set \'{"protect": ["/srv/설계"]}\' --tenant 한빛정밀 --by 이부장`',
)
@for_people
def put(
    settings: Annotated[str, typer.Argument(help="JSON, or @FILE that holds it.")],
    data: Data,
    by: By,
    tenant: OfTenant = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Set all of it at once: what was set there before and is not named now goes back to the computer's own."""
    wish = {"tenant": tenant, "device": device, "settings": _read(settings), "by": by}
    _print(AdminClient(data).put("agent-config", wish), as_json)


@app.command("clear", epilog="Example: `jikimi admin agent-config clear --device 설계PC-01 --by 이부장`")
def clear(data: Data, by: By, tenant: OfTenant = None, device: Device = None, as_json: AsJson = False) -> None:
    """Decide nothing any more: each computer's own settings hold again."""
    wish: dict[str, Any] = {"tenant": tenant, "device": device, "settings": {}, "by": by}
    _print(AdminClient(data).put("agent-config", wish), as_json)


@app.command("new-key", epilog="Example: `jikimi admin agent-config new-key --by 이부장`")
def new_key(data: Data, by: By, as_json: AsJson = False) -> None:
    """Sign with a fresh key from now on. Agents follow by themselves, whenever they are next on line."""
    print_one(AdminClient(data).post("agent-config/new-key", {"by": by}), as_json, "key_id")


def _read(stated: str) -> Any:
    """Raises Misconfigured for what cannot be read or is no JSON object."""
    try:
        text = Path(stated[1:]).read_text(encoding="utf-8") if stated.startswith("@") else stated
        settings = json.loads(text)
    except OSError as error:
        raise Misconfigured(f"{error.filename}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise Misconfigured(f"the settings are no JSON: {error}") from error
    if not isinstance(settings, dict):
        raise Misconfigured('the settings are no JSON object; write {"protect": ["/srv/설계"]}')
    return settings


def _print(told: dict[str, Any], as_json: bool) -> None:
    shown = {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        for name, value in told.items()
    }
    print_one(told if as_json else shown, as_json, "tenant", "version", "company", "device", "in_force")
