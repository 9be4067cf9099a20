"""`jikimi admin`: companies, contacts, enrolment tokens, users and agents of the centre on this machine."""

from typing import Annotated

import typer

from jikimi.cli import admin_agent_config, admin_evidence, admin_website, device_passport
from jikimi.cli.admin_client import AdminClient
from jikimi.cli.admin_options import AsJson, Data, OfTenant
from jikimi.cli.printed import print_many, print_one

app = typer.Typer(
    no_args_is_help=True,
    help="Administer the centre that runs on this machine. It must be running (`jikimi up`).",
    rich_markup_mode="markdown",
)
tenant = typer.Typer(no_args_is_help=True, help="Client companies.")
site = typer.Typer(no_args_is_help=True, help="Places of a company.")
contact = typer.Typer(no_args_is_help=True, help="People of a company who are told.")
token = typer.Typer(no_args_is_help=True, help="Enrolment tokens, with which agents join.")
user = typer.Typer(no_args_is_help=True, help="People of the centre who sign in at the console.")
agent = typer.Typer(no_args_is_help=True, help="Agents.")
placeholder = typer.Typer(no_args_is_help=True, help="A company's values for placeholders in Sigma rules.")
letters = typer.Typer(no_args_is_help=True, help="Events that could not be taken, with the reason.")
for name, group in {
    "tenant": tenant,
    "site": site,
    "contact": contact,
    "token": token,
    "user": user,
    "agent": agent,
    "agent-config": admin_agent_config.app,
    "placeholder": placeholder,
    "device-passport": device_passport.app,
    "dead-letter": letters,
    "evidence": admin_evidence.app,
    "website": admin_website.app,
}.items():
    app.add_typer(group, name=name)

Language = Annotated[str, typer.Option(help="ko or en.")]


@tenant.command("add", epilog="Example: `jikimi admin tenant add 한빛정밀 --work-start 08:30 --work-end 19:00`")
def tenant_add(
    name: Annotated[str, typer.Argument(help="The company's name, e.g. 한빛정밀.")],
    data: Data,
    zone: Annotated[str, typer.Option(help="Time zone.")] = "Asia/Seoul",
    language: Language = "ko",
    work_start: Annotated[str, typer.Option(help="Work begins, HH:MM on the company's clock.")] = "08:00",
    work_end: Annotated[str, typer.Option(help="Work ends.")] = "20:00",
    work_day: Annotated[list[int] | None, typer.Option(help="1 = Monday; repeat the option. Default: 1 to 5.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a client company."""
    wish = {
        "name": name,
        "zone": zone,
        "language": language,
        "work_start": work_start,
        "work_end": work_end,
        "work_days": work_day or [1, 2, 3, 4, 5],
    }
    print_one(AdminClient(data).post("tenants", wish), as_json, "id", "name", "zone")


@tenant.command("list", epilog="Example: `jikimi admin tenant list --json`")
def tenant_list(data: Data, as_json: AsJson = False) -> None:
    """List the client companies."""
    print_many(AdminClient(data).get("tenants"), as_json, "name", "zone", "language", "id")


@site.command("add", epilog="Example: `jikimi admin site add 창원공장 --tenant 한빛정밀`")
def site_add(
    name: Annotated[str, typer.Argument(help="The place's name.")],
    data: Data,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Add a place of a company."""
    print_one(AdminClient(data).post("sites", {"name": name, "tenant": tenant}), as_json, "id", "tenant")


@contact.command(
    "add",
    epilog="Example: `jikimi admin contact add 김담당 --tenant 한빛정밀 --phone 010-0000-0000 --email kim@example.com`",
)
def contact_add(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    data: Data,
    tenant: OfTenant = None,
    phone: Annotated[str, typer.Option(help="Mobile number for SMS.")] = "",
    email: Annotated[str, typer.Option(help="Address for mail.")] = "",
    language: Language = "ko",
    mail_from: Annotated[str, typer.Option(help="Lowest risk that is mailed: low medium high very_high.")] = "low",
    sms_from: Annotated[str, typer.Option(help="Lowest risk that is sent as SMS.")] = "medium",
    as_json: AsJson = False,
) -> None:
    """Add a person who is told of incidents."""
    wish = {
        "tenant": tenant,
        "name": name,
        "phone": phone,
        "email": email,
        "language": language,
        "mail_from": mail_from,
        "sms_from": sms_from,
    }
    print_one(AdminClient(data).post("contacts", wish), as_json, "name", "phone", "email", "mail_from", "sms_from")


@contact.command("list", epilog="Example: `jikimi admin contact list --tenant 한빛정밀`")
def contact_list(data: Data, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List a company's people."""
    query = {"tenant": tenant} if tenant else {}
    found = AdminClient(data).get("contacts", **query)
    print_many(found, as_json, "name", "phone", "email", "mail_from", "sms_from")


@token.command("create", epilog="Example: `jikimi admin token create --tenant 한빛정밀 --uses 50 --minutes 1440`")
def token_create(
    data: Data,
    tenant: OfTenant = None,
    site: Annotated[str | None, typer.Option(help="Place where the devices stand.")] = None,
    uses: Annotated[int, typer.Option(help="How many agents may join with it.")] = 1,
    minutes: Annotated[int, typer.Option(help="How long it is valid.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Make an enrolment token; it is shown this once."""
    wish = {"tenant": tenant, "site": site, "uses": uses, "minutes": minutes}
    print_one(AdminClient(data).post("enrolment-tokens", wish), as_json, "token", "tenant", "expires_at")


@user.command("add", epilog="Example: `jikimi admin user add minsu --name 김민수 --role analyst`")
def user_add(
    login: Annotated[str, typer.Argument(help="What is typed at sign-in: a-z 0-9 . _ @ -")],
    name: Annotated[str, typer.Option(help="The person's name.")],
    data: Data,
    role: Annotated[str, typer.Option(help="analyst, engineer or head.")] = "analyst",
    language: Language = "ko",
    ask_password: Annotated[bool, typer.Option("--ask-password", help="Type the password.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add someone of the centre; without --ask-password a password is made and shown this once."""
    wish = {"login": login, "name": name, "role": role, "language": language}
    if ask_password:
        wish["password"] = typer.prompt("password", hide_input=True, confirmation_prompt=True)
    print_one(AdminClient(data).post("users", wish), as_json, "login", "name", "role", "password")


@user.command("list", epilog="Example: `jikimi admin user list`")
def user_list(data: Data, as_json: AsJson = False) -> None:
    """List who may sign in."""
    print_many(AdminClient(data).get("users"), as_json, "login", "name", "role", "disabled")


@agent.command("list", epilog="Example: `jikimi admin agent list --json`")
def agent_list(data: Data, as_json: AsJson = False) -> None:
    """List all agents, with when each was last heard of."""
    print_many(
        AdminClient(data).get("agents"),
        as_json,
        "id",
        "tenant",
        "device",
        "kind",
        "always_on",
        "last_seen",
        "revoked_at",
    )


@agent.command("revoke", epilog="Example: `jikimi admin agent revoke 0f3c…`")
def agent_revoke(
    agent_id: Annotated[str, typer.Argument(help="The agent's id, see `jikimi admin agent list`.")],
    data: Data,
    as_json: AsJson = False,
) -> None:
    """Refuse an agent from now on."""
    print_one(AdminClient(data).post(f"agents/{agent_id}/revoke"), as_json, "id", "revoked_at")


@agent.command("always-on", epilog="Example: `jikimi admin agent always-on 파일서버 --tenant 한빛정밀`, later `--not`")
def agent_always_on(
    device: Annotated[str, typer.Argument(help="The computer, as the company calls it.")],
    data: Data,
    tenant: OfTenant = None,
    not_: Annotated[bool, typer.Option("--not", help="It may be switched off.")] = False,
    as_json: AsJson = False,
) -> None:
    """Miss this computer after five minutes at any hour, as a server should be; a PC only when it vanishes at work."""
    wish = {"tenant": tenant, "device": device, "always_on": not not_}
    print_one(AdminClient(data).post("always-on", wish), as_json, "tenant", "device", "always_on")


@placeholder.command(
    "set", epilog="Example: `jikimi admin placeholder set DomainControllers DC01 'DC-*' --tenant 한빛정밀`"
)
def placeholder_set(
    name: Annotated[str, typer.Argument(help="As it stands in the rule, without percent signs.")],
    data: Data,
    values: Annotated[list[str] | None, typer.Argument(help="Values; `*` and `?` are wildcards. None: unset.")] = None,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Give a placeholder values, so that rules with it watch this company; without values they do not."""
    wish = {"tenant": tenant, "name": name, "values": values or []}
    print_one(AdminClient(data).put("placeholders", wish), as_json, "tenant", "name", "values")


@placeholder.command("list", epilog="Example: `jikimi admin placeholder list --tenant 한빛정밀`")
def placeholder_list(data: Data, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List a company's placeholders."""
    query = {"tenant": tenant} if tenant else {}
    print_many(AdminClient(data).get("placeholders", **query), as_json, "name", "values")


@letters.command("list", epilog="Example: `jikimi admin dead-letter list --limit 20`")
def letters_list(
    data: Data,
    limit: Annotated[int, typer.Option(help="At most so many, newest.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what could not be taken."""
    print_many(AdminClient(data).get("dead-letters", limit=limit), as_json, "at", "stage", "source", "reason")
