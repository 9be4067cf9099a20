"""`jikimi admin website`: which web sites of the companies the centre looks at."""

from typing import Annotated

import typer

from jikimi.cli.admin_client import AdminClient
from jikimi.cli.admin_options import AsJson, Data, OfTenant
from jikimi.cli.printed import print_many, print_one

app = typer.Typer(no_args_is_help=True, help="Web sites that are watched: up, certificate, defacement.")
SiteId = Annotated[str, typer.Argument(help="The site's id, see `jikimi admin website list`.")]
COLUMNS = ("tenant", "name", "url", "interval_seconds", "deploying_until", "last_look_at", "last_result", "id")


@app.command("add", epilog="Example: `jikimi admin website add https://www.example.com/ --tenant 한빛정밀`")
def add(
    url: Annotated[str, typer.Argument(help="The page to look at, with http:// or https://.")],
    data: Data,
    tenant: OfTenant = None,
    name: Annotated[str | None, typer.Option(help="What the company calls it. Default: the host.")] = None,
    interval: Annotated[int, typer.Option(help="Seconds between two looks.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Watch a web site. Its first five looks are learned as its own face."""
    wish = {"tenant": tenant, "url": url, "name": name, "interval_seconds": interval}
    print_one(AdminClient(data).post("websites", wish), as_json, "id", "tenant", "name", "url")


@app.command("list", epilog="Example: `jikimi admin website list --json`")
def show(data: Data, as_json: AsJson = False) -> None:
    """List the watched sites and what the last look found."""
    print_many(AdminClient(data).get("websites"), as_json, *COLUMNS)


@app.command("deploying", epilog="Example: `jikimi admin website deploying 0f3c… --minutes 120`, later `--minutes 0`")
def deploying(
    site: SiteId,
    data: Data,
    minutes: Annotated[int, typer.Option(help="How long nothing is compared; 0: the new site stands.")] = 60,
    as_json: AsJson = False,
) -> None:
    """ "I am deploying": compare nothing for so long, then learn the site anew. Also to accept a wanted change."""
    told = AdminClient(data).post(f"websites/{site}/deploying", {"minutes": minutes})
    print_one(told, as_json, "name", "url", "deploying_until")


@app.command("remove", epilog="Example: `jikimi admin website remove 0f3c…`")
def remove(site: SiteId, data: Data, as_json: AsJson = False) -> None:
    """Watch a site no longer."""
    print_one(AdminClient(data).post(f"websites/{site}/end"), as_json, "name", "url")
