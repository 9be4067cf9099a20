"""`jikimi agent install | uninstall`: the agent as a service of the system, and off it again."""

import asyncio
import getpass
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from jikimi.cli.errors import for_people
from jikimi.errors import JikimiError, Misconfigured, Transient

INSTALL_EPILOG = """\b
Example:
  jikimi agent enrol --url https://centre.example.com --token TOKEN
  sudo jikimi agent install"""
UNITS = Path("/etc/systemd/system")
DAEMONS = Path("/Library/LaunchDaemons")
SERVICE, ROLLBACK, PLIST = "jikimi-agent.service", "jikimi-agent-rollback.service", "org.jikimi.agent.plist"
IN_UNITS = "/opt/jikimi/current/jikimi"

StateOption = Annotated[Path | None, typer.Option("--state", help="Folder of this agent.")]
UnitsOption = Annotated[Path | None, typer.Option("--into", hidden=True, help="Folder of the system's services.")]


@for_people
def install(
    state: StateOption = None,
    into: UnitsOption = None,
    files_only: Annotated[
        bool, typer.Option("--files-only", help="Only write this version's service files anew.")
    ] = False,
) -> None:
    """Have the system start the agent now and with every start. Asks for administrator's rights."""
    from collectors.settings import StateDir, default_state_dir

    folder = StateDir(state or default_state_dir())
    if files_only:
        _renew(into, folder.root)
        return
    if not folder.enrolled():
        raise Misconfigured(f"{folder.root}: no agent is enrolled here; run `jikimi agent enrol` first")
    if sys.platform == "win32":
        from collectors.windows import service

        service.install(folder.root, sys.executable, "-P -m collectors.windows.service")
    elif sys.platform == "darwin":
        _write(into or DAEMONS, "collectors.macos", (PLIST,), folder.root)
        _do("launchctl", "bootstrap", "system", str(DAEMONS / PLIST))
    else:
        _write(into or UNITS, "collectors.linux", (SERVICE, ROLLBACK), folder.root)
        _do("systemctl", "daemon-reload")
        _do("systemctl", "enable", "--now", SERVICE)
    print(f"the agent in {folder.root} is a service now; ask with: jikimi agent status --state {folder.root}")


@for_people
def uninstall(
    state: StateOption = None,
    into: UnitsOption = None,
    keep_state: Annotated[bool, typer.Option("--keep-state", help="Leave identity, settings and spool.")] = False,
) -> None:
    """Take the service off, tell the centre, and remove the agent's folder. Exit 1 = the centre was not told."""
    from collectors.farewell import farewell
    from collectors.settings import StateDir, default_state_dir

    folder = StateDir(state or default_state_dir())
    if sys.platform == "win32":
        from collectors.windows import service

        service.uninstall()
    elif sys.platform == "darwin":
        if (plist := (into or DAEMONS) / PLIST).exists():
            _do("launchctl", "bootout", "system/org.jikimi.agent")
            plist.unlink()
    else:
        if ((into or UNITS) / SERVICE).exists():  # gone, when this is the second try because the centre was away
            _do("systemctl", "disable", "--now", SERVICE)
        for name in (SERVICE, ROLLBACK):
            ((into or UNITS) / name).unlink(missing_ok=True)
        _do("systemctl", "daemon-reload")
    try:
        asyncio.run(farewell(folder, getpass.getuser()))
    except JikimiError as error:
        raise Transient(f"the service is off, {folder.root} is kept, but the centre does not know: {error}") from error
    if not keep_state:
        shutil.rmtree(folder.root)
    print("the agent is off this computer, and the centre knows" + (f"; {folder.root} is kept" if keep_state else ""))


def _renew(into: Path | None, state: Path) -> None:
    """After another version was switched to: what it asks of the system may differ."""
    if sys.platform == "darwin":
        if ((into or DAEMONS) / PLIST).exists():
            _write(into or DAEMONS, "collectors.macos", (PLIST,), state)
    elif sys.platform != "win32" and ((into or UNITS) / SERVICE).exists():
        _write(into or UNITS, "collectors.linux", (SERVICE, ROLLBACK), state)
        _do("systemctl", "daemon-reload")


def _write(into: Path, package: str, names: tuple[str, ...], state: Path) -> None:
    """The service files, with this program and this agent's folder in them. Raises Misconfigured."""
    own = Path(sys.argv[0] if not getattr(sys, "frozen", False) else sys.executable).absolute()
    for name in names:
        text = files(package).joinpath(name).read_text(encoding="utf-8")
        if not Path(IN_UNITS).exists():
            text = text.replace(IN_UNITS, str(own))
        for usual in ("/var/lib/jikimi-agent", "/Library/Application Support/Jikimi"):
            text = text.replace(usual, str(state))
        try:
            (into / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise Misconfigured(
                f"{into / name}: cannot be written ({error.strerror}); run this as administrator"
            ) from error


def _do(*words: str) -> None:
    """Raises Misconfigured."""
    try:
        subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 - the system's own, our words
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip()
        raise Misconfigured(f"`{' '.join(words)}` failed: {said}") from error
