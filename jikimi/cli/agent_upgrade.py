"""`jikimi agent upgrade | roll-back | package | check`: a new version, and the way back when it does not run."""

import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from jikimi import __version__
from jikimi.cli.errors import for_people
from jikimi.errors import Misconfigured, Refused, Transient

ROOT = Path("/opt/jikimi")
RESTART = "sh -c 'systemctl reset-failed jikimi-agent; exec systemctl restart jikimi-agent'"
"""A version that failed again and again has used up its starts: systemd would refuse even the good one."""
UPGRADE_EPILOG = """\b
Example:
  jikimi agent upgrade --from https://centre.example.com/agent-1.3.0.jikimi

\b
The package must be signed by a key in ROOT/trusted-keys and newer than what runs. The new version is unpacked beside
the old one, must pass its own check, and is then switched to; when it does not report itself well in time, the old one
is started again. Exit code 1 = the old version runs on, with the reason."""

StateOption = Annotated[Path | None, typer.Option("--state", help="Folder of this agent.")]
RootOption = Annotated[Path, typer.Option("--root", help="Folder of the versions.")]
RestartOption = Annotated[str, typer.Option("--restart", metavar="COMMAND", help="Starts the agent anew.")]


@for_people
def upgrade(
    source: Annotated[str, typer.Option("--from", metavar="FILE|URL", help="The package; a URL must be https.")],
    root: RootOption = ROOT,
    state: StateOption = None,
    restart: RestartOption = RESTART,
    patience: Annotated[float, typer.Option(min=1, help="Seconds the new version has to report itself well.")] = 60,
) -> None:
    """Switch to a newer version; back to the old one by itself when the new one does not run."""
    from collectors.settings import StateDir, default_state_dir
    from collectors.upgrade.upgrade import Place, upgrade
    from collectors.upgrade.versions import Versions

    place = Place(Versions(root), StateDir(state or default_state_dir()), restart, patience)
    with tempfile.TemporaryDirectory(prefix="jikimi-upgrade-") as folder:
        file = _fetched(source, Path(folder)) if "://" in source else Path(source)
        print(f"{upgrade(place, file, print)} runs")


@for_people
def roll_back(root: RootOption = ROOT, state: StateOption = None, restart: RestartOption = RESTART) -> None:
    """Undo an upgrade that was interrupted; does nothing when there is none (systemd asks when the agent fails)."""
    from collectors.settings import StateDir, default_state_dir
    from collectors.upgrade.upgrade import Place, recover
    from collectors.upgrade.versions import Versions

    recover(Place(Versions(root), StateDir(state or default_state_dir()), restart), print)


@for_people
def package(
    folder: Annotated[Path, typer.Argument(help="What `make agent-bundle` built.")],
    version: Annotated[str, typer.Option(help="As the program says it of itself, e.g. 1.3.0.")],
    key: Annotated[Path, typer.Option(help="Private key, see `jikimi rules bundle keygen`.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
) -> None:
    """Pack and sign a version for `jikimi agent upgrade`."""
    from collectors.upgrade.package import make
    from jikimi.signing import SigningKey

    made = make(folder, version, SigningKey.read(key), out)
    print(f"{out}: {made.version} for {made.system} {made.machine}, {made.size} bytes, SHA-256 {made.sha256}")


@for_people
def check(state: StateOption = None) -> None:
    """Can this program watch for the agent that is enrolled here? Prints its version. Exit 2 = it cannot."""
    from collectors import agent, identity, settings
    from collectors.settings import StateDir, default_state_dir

    folder = StateDir(state or default_state_dir())
    identity.load(folder.credential)
    settings.load(folder.settings)
    print(f"{__version__} {agent.__name__}")


def _fetched(url: str, folder: Path) -> Path:
    """Raises Misconfigured, Refused (too large), Transient."""
    import httpx

    from collectors.upgrade.package import LARGEST

    if urlsplit(url).scheme != "https":
        raise Misconfigured(f"{url}: only https is fetched; or fetch it yourself and name the file")
    file = folder / "package"
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=30) as answer, file.open("wb") as out:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                if out.write(chunk) and out.tell() > LARGEST:
                    raise Refused(f"{url}: larger than {LARGEST >> 20} MiB")
    except (httpx.HTTPError, OSError) as error:
        raise Transient(f"{url}: cannot be fetched ({error})") from error
    return file
