"""`jikimi agent upgrade | roll-back | package | check`: a new version, and the way back when it does not run."""

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from jikimi import __version__
from jikimi.cli.agent_service import SERVICE
from jikimi.cli.errors import for_people
from jikimi.errors import Misconfigured, Refused, Transient

if TYPE_CHECKING:
    from collectors.upgrade.upgrade import Place

ROOT = Path("/opt/jikimi")
PATIENCE = 60.0
UPGRADE_EPILOG = """\b
Example:
  jikimi agent upgrade --from https://centre.example.com/agent-1.3.0.jikimi

\b
The package must be signed by a key in ROOT/trusted-keys and newer than what runs. The new version is unpacked beside
the old one, must pass its own check, and is then switched to; when it does not report itself well in time, the old one
is started again. Exit code 1 = the old version runs on, with the reason."""

StateOption = Annotated[Path | None, typer.Option("--state", help="Folder of this agent.")]
RootOption = Annotated[Path, typer.Option("--root", help="Folder of the versions.")]
RestartOption = Annotated[
    str | None,
    typer.Option("--restart", metavar="COMMAND", help="Starts the agent anew instead of systemd."),
]


@for_people
def upgrade(
    source: Annotated[str, typer.Option("--from", metavar="FILE|URL", help="The package; a URL must be https.")],
    root: RootOption = ROOT,
    state: StateOption = None,
    restart: RestartOption = None,
    patience: Annotated[float, typer.Option(min=1, help="Seconds it has to report itself well.")] = PATIENCE,
) -> None:
    """Switch to a newer version; back to the old one by itself when the new one does not run."""
    from collectors.upgrade.upgrade import upgrade

    place = _place(root, state, restart, patience)
    with tempfile.TemporaryDirectory(prefix="jikimi-upgrade-") as folder:
        file = _fetched(source, Path(folder)) if "://" in source else Path(source)
        print(f"{upgrade(place, file, print)} runs")


@for_people
def roll_back(root: RootOption = ROOT, state: StateOption = None, restart: RestartOption = None) -> None:
    """Undo an upgrade that was interrupted; does nothing when there is none (systemd asks when the agent fails)."""
    from collectors.upgrade.upgrade import recover

    recover(_place(root, state, restart), print)


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


def _place(root: Path, state: Path | None, restart: str | None, patience: float = PATIENCE) -> "Place":
    from collectors.settings import StateDir, default_state_dir
    from collectors.upgrade.upgrade import Place
    from collectors.upgrade.versions import Versions

    folder = StateDir(state or default_state_dir())
    return Place(Versions(root), folder, restart or usual_restart(root, folder.root), patience)


def usual_restart(root: Path, state: Path) -> str:
    """The version that is current by then brings its own service files. One that failed again and again has used up
    its starts: systemd would refuse even the good one."""
    renew = shlex.join([str(root / "current" / "jikimi"), "agent", "install", "--files-only", "--state", str(state)])
    return shlex.join(["sh", "-c", f"{renew}; systemctl reset-failed {SERVICE}; exec systemctl restart {SERVICE}"])


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
