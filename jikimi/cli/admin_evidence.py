"""`jikimi admin evidence`: packets around an incident, asked of an agent, fetched, checked and handed out."""

import getpass
import hashlib
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from jikimi.cli.admin_client import AdminClient
from jikimi.cli.admin_options import AsJson, Data, OfTenant
from jikimi.cli.errors import for_people
from jikimi.cli.printed import print_many, print_one
from jikimi.errors import Misconfigured

app = typer.Typer(
    no_args_is_help=True,
    help="Packets around an incident: ask an agent to capture them, see what came, save it. Each look is recorded.",
    rich_markup_mode="markdown",
)
RequestId = Annotated[str, typer.Argument(help="The request's id, see `jikimi admin evidence list`.")]
By = Annotated[str, typer.Option("--by", help="Who asks; it is kept on record.", default_factory=getpass.getuser)]
COLUMNS = ("asked_at", "tenant", "device", "incident", "state", "bytes", "why", "id")
DETAILS = ("asked_by", "reason", "before", "after", "filter", "manifest_sha256")


@app.command(
    "request",
    epilog="Example: `jikimi admin evidence request --device 설계PC-01 --seconds 120 --filter 'host 203.0.113.9' "
    "--incident 1024`",
)
def ask(
    data: Data,
    by: By,
    agent: Annotated[str | None, typer.Option(help="The agent's id, see `jikimi admin agent list`.")] = None,
    device: Annotated[str | None, typer.Option(help="Or the computer, by name.")] = None,
    seconds: Annotated[int, typer.Option(min=0, max=3600, help="Capture on for so long.")] = 60,
    before: Annotated[
        int, typer.Option(min=0, max=3600, help="Keep so much of before, where the agent's ring always runs.")
    ] = 300,
    only: Annotated[str, typer.Option("--filter", help="Only these packets, as pcap-filter(7) has it.")] = "",
    incident: Annotated[str | None, typer.Option(help="The incident it belongs to: its number or id.")] = None,
    reason: Annotated[str, typer.Option(help="Why; goes into the manifest.")] = "",
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Ask an agent for packets. It hears of it within half a minute, captures, and hands over behind its events."""
    wish: dict[str, Any] = {
        "tenant": tenant,
        "agent": agent,
        "device": device,
        "before": before,
        "after": seconds,
        "filter": only,
        "incident": incident,
        "reason": reason,
        "by": by,
    }
    print_one(AdminClient(data).post("evidence", wish), as_json, "id", "tenant", "device", "state")


@app.command("list", epilog="Example: `jikimi admin evidence list --tenant 한빛정밀`")
def list_all(data: Data, by: By, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List what was asked for and what came of it, the newest first."""
    query = {"by": by} | ({"tenant": tenant} if tenant else {})
    print_many(AdminClient(data).get("evidence", **query), as_json, *COLUMNS)


@app.command("show", epilog="Example: `jikimi admin evidence show 0f3c…`")
def show(request: RequestId, data: Data, by: By, as_json: AsJson = False) -> None:
    """Show one request with its files."""
    told = AdminClient(data).post(f"evidence/{request}/show", {"by": by})
    print_one(told, as_json, *COLUMNS, *DETAILS)
    if not as_json and told.get("files"):
        print_many(told["files"], False, "name", "bytes", "sha256")


@app.command("save", epilog="Example: `jikimi admin evidence save 0f3c… --to /media/usb/사건-1024`")
@for_people
def save(
    request: RequestId,
    data: Data,
    by: By,
    to: Annotated[Path, typer.Option(help="Folder to copy into; made when it is not there.")],
) -> None:
    """Copy a complete capture with its manifest; what is written is held against the SHA-256 once more."""
    from jikimi.domain.evidence import MANIFEST

    told = AdminClient(data).post(f"evidence/{request}/save", {"by": by})
    wanted = {file["name"]: file["sha256"] for file in told["files"]} | {MANIFEST: told["manifest_sha256"]}
    try:
        to.mkdir(parents=True, exist_ok=True)
        for name, digest in wanted.items():
            _copy(Path(told["folder"]) / name, to / name, digest)
    except OSError as error:
        raise Misconfigured(f"{error.filename}: {error.strerror}") from error
    typer.echo(f"{to}: {len(wanted)} files, {told['bytes']} bytes, manifest SHA-256 {told['manifest_sha256']}")


def _copy(source: Path, place: Path, digest: str) -> None:
    """Raises Misconfigured when a file is there already, or what was copied is not what was fetched."""
    if place.exists():
        raise Misconfigured(f"{place}: is there already; name another folder with --to")
    shutil.copyfile(source, place)
    place.chmod(0o400)
    with place.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
            raise Misconfigured(f"{source}: was changed since it was fetched; {place} is no evidence")
