"""`jikimi admin device-passport`: the removable devices a company allows."""

from datetime import datetime, time
from typing import Annotated

import typer

from jikimi.cli.admin_client import AdminClient
from jikimi.cli.admin_options import AsJson, Data, OfTenant
from jikimi.cli.printed import print_many, print_one

app = typer.Typer(
    no_args_is_help=True,
    help="Passports of removable devices: who may use which USB device, for what, until when. "
    "With the first passport the company keeps a register; every other device is unknown from then on.",
    rich_markup_mode="markdown",
)

By = Annotated[str, typer.Option("--by", help="Who at the company approved it; it is kept on record.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="On this machine's clock.")]


@app.command("list", epilog="Example: `jikimi admin device-passport list --tenant 한빛정밀`")
def listed(data: Data, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List the passports with what each is worth now: allowed, expired, not_yet_valid, revoked."""
    query = {"tenant": tenant} if tenant else {}
    found = AdminClient(data).get("device-passports", **query)
    columns = ("state", "serial", "filesystem_id", "holder", "purpose", "valid_until", "read_only", "approved_by", "id")
    print_many(found, as_json, *columns)


@app.command(
    "allow",
    epilog="Example: `jikimi admin device-passport allow --serial 4C530001230512 --holder 김하늘 --by 이부장 "
    "--until 2026-12-31 --read-only --tenant 한빛정밀`",
)
def allow(
    data: Data,
    holder: Annotated[str, typer.Option(help="Who may use it.")],
    by: By,
    serial: Annotated[str, typer.Option(help="USB serial number.")] = "",
    filesystem_id: Annotated[str, typer.Option(help="File system's id (UUID), for a device without a serial.")] = "",
    vendor: Annotated[str, typer.Option(help="If stated, it must agree.")] = "",
    product: Annotated[str, typer.Option(help="If stated, it must agree.")] = "",
    purpose: Annotated[str, typer.Option(help="For which work.")] = "",
    since: Day = None,
    until: Day = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Only for reading from it.")] = False,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Issue a passport."""
    wish = {
        "tenant": tenant,
        "serial": serial,
        "filesystem_id": filesystem_id,
        "vendor": vendor,
        "product": product,
        "holder": holder,
        "purpose": purpose,
        "valid_from": _moment(since),
        "valid_until": _end(until),
        "read_only": read_only,
        "approved_by": by,
    }
    told = AdminClient(data).post("device-passports", wish)
    print_one(told, as_json, "id", "tenant", "state", "holder", "valid_from", "valid_until")


@app.command("revoke", epilog="Example: `jikimi admin device-passport revoke 0f3c… --by 이부장`")
def revoke(
    passport_id: Annotated[str, typer.Argument(help="See `jikimi admin device-passport list`.")],
    data: Data,
    by: By,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw a passport from now on."""
    told = AdminClient(data).post(f"device-passports/{passport_id}/revoke", {"tenant": tenant, "by": by})
    print_one(told, as_json, "id", "state", "holder", "revoked_at")


@app.command(
    "approve-until", epilog="Example: `jikimi admin device-passport approve-until 0f3c… 2026-12-31 --by 이부장`"
)
def approve_until(
    passport_id: Annotated[str, typer.Argument(help="See `jikimi admin device-passport list`.")],
    until: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="On this machine's clock.")],
    data: Data,
    by: By,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Give a passport another end: the day's end, or the minute."""
    wish = {"tenant": tenant, "until": _end(until), "by": by}
    told = AdminClient(data).post(f"device-passports/{passport_id}/until", wish)
    print_one(told, as_json, "id", "state", "holder", "valid_until")


@app.command("enforce", epilog="Example: `jikimi admin device-passport enforce read_only --by 이부장`")
def enforce(
    what: Annotated[str, typer.Argument(help="off, read_only or unmount.")],
    data: Data,
    by: By,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Say what agents do with a device that is not allowed; off until you say otherwise."""
    wish = {"tenant": tenant, "enforcement": what, "by": by}
    print_one(AdminClient(data).post("device-passports/enforcement", wish), as_json, "tenant", "enforcement")


def _moment(day: datetime | None) -> str | None:
    return day.astimezone().isoformat() if day else None


def _end(day: datetime | None) -> str | None:
    """A bare day lasts until its end."""
    if day is not None and day.time() == time():
        day = day.replace(hour=23, minute=59, second=59)
    return _moment(day)
