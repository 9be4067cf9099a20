"""`jikimi rules bundle`: a rule set as one signed file."""

import getpass
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from jikimi.cli.admin_client import AdminClient
from jikimi.cli.errors import for_people
from jikimi.cli.printed import print_many, print_one
from jikimi.cli.rule_life import wait_for_workers
from jikimi.errors import Misconfigured, Refused
from jikimi.settings import DataDir, default_data_dir

app = typer.Typer(no_args_is_help=True, help="Rule sets as signed files: make, verify, install.")

Data = Annotated[Path, typer.Option("--data", help="The centre's data folder.", default_factory=default_data_dir)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Trusted = Annotated[
    Path | None, typer.Option("--trusted-keys", metavar="DIR", help="Folder of *.pub.  [default: DATA/trusted-keys]")
]
BundleFile = Annotated[Path, typer.Argument(metavar="FILE", help="A bundle.")]


@app.command("keygen", epilog="Example: `jikimi rules bundle keygen ~/keys/release-2026`")
@for_people
def keygen(path: Annotated[Path, typer.Argument(metavar="FILE", help="The private key; beside it FILE.pub.")]) -> None:
    """Make a key to sign with. Keep FILE to yourself; put FILE.pub into the trusted keys of every centre."""
    from jikimi.signing import SigningKey

    key = SigningKey.generate()
    public = key.write(path)
    typer.echo(f"key id      {key.id}\nprivate key {path}\npublic key  {public}")


@app.command(
    "make",
    epilog="Example: `jikimi rules bundle make rules sigma/rules --key release-2026 --version 7 --out r7.jikimi`",
)
@for_people
def make(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR…", help="Folders of rules, with their samples.")],
    key: Annotated[Path, typer.Option(help="Private key, see `keygen`.")],
    version: Annotated[int, typer.Option(min=1, help="Higher than any before.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The bundle to write.")],
    expires_days: Annotated[int | None, typer.Option(min=1, help="Not to be installed after so many days.")] = None,
    new_rules: Annotated[str, typer.Option(help="Stage of rules a centre never had: shadow or live.")] = "shadow",
    note: Annotated[str, typer.Option(help="What changed, for people.")] = "",
) -> None:
    """Sign a rule set, and say which of its rules a centre could not load."""
    from detectors.release import bundle
    from detectors.sigma.load import load_rules
    from jikimi.signing import SigningKey

    now = datetime.now(UTC).replace(microsecond=0)
    rules, report = load_rules(folders)
    for refusal in report.refused:
        typer.echo(f"  rule refused: {refusal}", err=True)
    if not rules.rules:
        raise Misconfigured("none of the rules can be used")
    content = bundle.make(
        bundle.files_of(folders),
        SigningKey.read(key),
        version=version,
        created=now,
        expires=now + timedelta(days=expires_days) if expires_days else None,
        new_rules=_stage(new_rules),
        note=note,
    )
    try:
        out.write_bytes(content)
    except OSError as error:
        raise Misconfigured(f"{out}: the bundle cannot be written ({error.strerror})") from error
    typer.echo(
        f"{out}: version {version}, {len(rules.rules):,} rules, {len(report.refused):,} refused, {len(content):,} bytes"
    )


@app.command("verify", epilog="Example: `jikimi rules bundle verify r7.jikimi --trusted-keys ./trusted-keys`")
@for_people
def verify(file: BundleFile, data: Data, trusted_keys: Trusted = None) -> None:
    """Say whether a centre would believe the bundle. Exit code 0 or 1."""
    found = _verified(file, data, trusted_keys)
    typer.echo(f"{file}: good; version {found['version']}, {found['files']:,} files, signed by {found['key_id']}")


@app.command("show", epilog="Example: `jikimi rules bundle show r7.jikimi --json`")
@for_people
def show(file: BundleFile, data: Data, trusted_keys: Trusted = None, as_json: AsJson = False) -> None:
    """Show what a bundle that can be believed says of itself."""
    found = _verified(file, data, trusted_keys)
    print_one(found, as_json, "version", "created", "expires", "key_id", "new_rules", "note", "files", "bytes")


@app.command("install", epilog="Example: `jikimi rules bundle install r7.jikimi`")
def install(file: BundleFile, data: Data, as_json: AsJson = False) -> None:
    """Make it the rule set of the running centre; what is refused leaves the rules as they are."""
    client = AdminClient(data)
    told = client.post("rules/bundle", {"file": str(file.absolute()), "by": getpass.getuser()})
    told["workers"] = wait_for_workers(client, "bundle_version", told["version"])
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    for refusal in told["refused"]:
        typer.echo(f"  rule refused: {refusal}", err=True)
    print_one(told, False, "version", "key_id", "rules", "entered_as_shadow")
    print_many(told["workers"], False, "id", "bundle_version", "rules", "error")


def _verified(file: Path, data: Path, trusted_keys: Path | None) -> dict[str, Any]:
    from detectors.release import bundle
    from jikimi.signing import TrustedKeys

    content = bundle.read_file(file)
    try:
        found = bundle.verify(content, TrustedKeys.read(trusted_keys or DataDir(data).trusted_keys))
    except Refused as error:
        raise Refused(f"{file}: {error}") from error
    said = found.manifest
    return {
        "version": said.version,
        "created": said.created.isoformat(),
        "expires": said.expires.isoformat() if said.expires else "",
        "key_id": found.key_id,
        "new_rules": said.new_rules,
        "note": said.note,
        "files": len(found.files),
        "bytes": len(content),
    }


def _stage(text: str) -> Literal["shadow", "live"]:
    if text not in ("shadow", "live"):
        raise Misconfigured(f"--new-rules {text!r}: say shadow or live")
    return "live" if text == "live" else "shadow"
