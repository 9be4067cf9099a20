"""`jikimi agent`: make this machine a device of a company, watch it, ask how it is."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from jikimi.cli import agent_service, agent_upgrade
from jikimi.cli.errors import for_people
from jikimi.errors import Misconfigured, Refused

app = typer.Typer(no_args_is_help=True, help="The agent on a client's computer: enrol it, run it, ask how it is.")

app.command("install", epilog=agent_service.INSTALL_EPILOG)(agent_service.install)
app.command("uninstall")(agent_service.uninstall)
app.command("upgrade", epilog=agent_upgrade.UPGRADE_EPILOG)(agent_upgrade.upgrade)
app.command("roll-back")(agent_upgrade.roll_back)
app.command("package")(agent_upgrade.package)
app.command("check")(agent_upgrade.check)

CAPTURE_EPILOG = """\b
Examples:
  jikimi agent capture --after 120 --reason "scan from 203.0.113.9"
  jikimi flows --join /var/lib/jikimi-agent/capture/evidence/ID/*.pcapng

\b
The running agent captures with dumpcap. What came before now is kept only where the ring runs always:
"capture": {"always": true, "interface": "eth0"} in settings.json.
Exit code 1 when nothing was kept, with the reason."""

StateOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of this agent [default: /var/lib/jikimi-agent as root, else ~/.local/state/jikimi-agent]"
    ),
]


@app.command()
@for_people
def enrol(
    url: Annotated[str, typer.Option(help="Address of the centre, https://…")] = "",
    token: Annotated[str, typer.Option(help="Enrolment token the centre issued", envvar="JIKIMI_TOKEN")] = "",
    device: Annotated[str, typer.Option(help="Name of this computer as the company calls it")] = "",
    state: StateOption = None,
    protect: Annotated[
        list[Path] | None, typer.Option(help="Folder whose files are watched; may be given again")
    ] = None,
    watch_out: Annotated[
        list[Path] | None, typer.Option(help="Folder that a program copies to the outside, e.g. a cloud drive's")
    ] = None,
    templates: Annotated[
        list[Path] | None, typer.Option(help="Folder of blank forms: their text in another document proves nothing")
    ] = None,
    lab_loop_is_removable: Annotated[
        bool, typer.Option("--lab-loop-is-removable", help="Take loop devices for USB sticks (trials only)")
    ] = False,
) -> None:
    """Exchange a token for this computer's own credential."""
    from collectors import agent
    from collectors.settings import StateDir, default_state_dir

    if not url:
        raise Misconfigured("no centre: say its address with --url https://…")
    if not token:
        raise Misconfigured("no enrolment token: ask the centre for one and give it with --token (or $JIKIMI_TOKEN)")
    folder = StateDir(state or default_state_dir())
    name = device or socket.gethostname()
    who = asyncio.run(
        agent.enrol(
            folder,
            url,
            token,
            device=name,
            protect=protect or [],
            watch_out=watch_out or [],
            templates=templates or [],
            lab_loop_is_removable=lab_loop_is_removable,
        )
    )
    print(f"{who.device} is enrolled at {who.url}; start it with: jikimi agent run --state {folder.root}")
    if not protect:
        print("No folder is protected: only removable media and network flows are watched.")


@app.command()
@for_people
def run(
    state: StateOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every log line.")] = False,
) -> None:
    """Watch this computer until Ctrl-C or SIGTERM."""
    from collectors.settings import StateDir, default_state_dir

    folder = StateDir(state or default_state_dir())
    # The same process goes on as the agent's own program: these commands' libraries would stay in memory for ever.
    # -P: who runs it may stand in anybody's folder.
    words = [sys.executable, "-P", "-m", "collectors", "--state", str(folder.root), *(["--verbose"] if verbose else [])]
    sys.stdout.flush()
    os.execv(sys.executable, words)  # noqa: S606 - no shell, and every word is ours


@app.command()
@for_people
def status(
    state: StateOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object")] = False,
) -> None:
    """Does it run, when did it last reach the centre, what waits, how is each source. Exit 0 = it runs, 1 = not."""
    import msgspec

    from collectors import health
    from collectors.locking import is_running
    from collectors.settings import StateDir, default_state_dir
    from jikimi.clock import utc_now

    folder = StateDir(state or default_state_dir())
    if not folder.enrolled():
        raise Misconfigured(f"{folder.root}: no agent is enrolled here; run `jikimi agent enrol` first")
    told = health.read(folder.status)
    running = is_running(folder)
    if as_json:
        inside = msgspec.to_builtins(told) if told else None
        print(msgspec.json.encode({"running": running, "status": inside}).decode())
    elif told is None:
        print(f"enrolled, but never started; start it with: jikimi agent run --state {folder.root}")
    else:
        print("\n".join(health.words(told, running=running, now=utc_now())))
    raise typer.Exit(0 if running else 1)


@app.command(epilog=CAPTURE_EPILOG)
@for_people
def capture(
    before: Annotated[
        float,
        typer.Option(min=0, max=3600, metavar="SECONDS", help="Keep what came before now (needs capture.always)."),
    ] = 300,
    after: Annotated[float, typer.Option(min=0, max=3600, metavar="SECONDS", help="Capture on for so long.")] = 60,
    reason: Annotated[str, typer.Option(help="Why; goes into the manifest and to the centre.")] = "",
    state: StateOption = None,
) -> None:
    """Keep the packets around now as evidence: capture files, read-only, with their SHA-256 in a manifest."""
    import getpass

    from collectors.evidence import requests
    from collectors.locking import is_running
    from collectors.settings import StateDir, default_state_dir
    from jikimi.clock import utc_now

    folder = StateDir(state or default_state_dir())
    if not is_running(folder):
        raise Misconfigured(f"{folder.root}: no agent runs here, which does the capturing; start it first")
    try:
        asked = requests.ask(
            folder.capture, at=utc_now(), before=before, after=after, reason=reason, by=getpass.getuser()
        )
    except OSError as error:
        raise Misconfigured(
            f"{folder.capture}: cannot be written ({error.strerror}); ask as the agent's user"
        ) from error
    print(f"capturing for {after:.0f} s …", file=sys.stderr)
    given = requests.wait(folder.capture, asked, after + 60)
    if given.error:
        raise Refused(f"nothing was kept: {given.error}")
    print(f"{given.folder}: {given.files} files, {given.bytes} bytes, manifest SHA-256 {given.manifest_sha256}")
