"""What an agent was told when it was enrolled, and where it keeps its files. Read once at start."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from collectors.caps import Caps
from collectors.evidence.settings import CaptureSettings
from collectors.network_devices.settings import DeviceSettings
from jikimi.domain.agent_config import merged
from jikimi.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class StateDir:
    """The agent's folder: identity, settings, spool, what the sources remember. Only its owner may read it."""

    root: Path

    @property
    def credential(self) -> Path:
        return self.root / "credential.json"

    @property
    def settings(self) -> Path:
        return self.root / "settings.json"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    @property
    def lock(self) -> Path:
        """Held while an agent runs on this folder."""
        return self.root / "agent.lock"

    @property
    def leak_index(self) -> Path:
        """Fingerprints of the protected documents."""
        return self.root / "leak.db"

    @property
    def config(self) -> Path:
        """What the company decided, as last fetched from the centre."""
        return self.root / "config.json"

    @property
    def life(self) -> Path:
        """How the last life of the agent ended."""
        return self.root / "life.json"

    def memory(self, source: str) -> Path:
        return self.root / f"{source}.json"

    @property
    def capture(self) -> Path:
        """Rings of packets, requests for captures, and what was frozen as evidence."""
        return self.root / "capture"

    def enrolled(self) -> bool:
        """Raises Misconfigured when that may not be asked."""
        try:
            return self.credential.exists()
        except OSError as error:
            raise Misconfigured(
                f"{self.root}: cannot be read ({error.strerror}); ask as the agent's own user"
            ) from error

    def prepare(self) -> None:
        """Make the folder. Raises Misconfigured when it cannot be made or written."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self.root / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise Misconfigured(
                f"{self.root}: the agent cannot keep its state there ({error.strerror}); "
                "choose another folder with --state, or run as its owner"
            ) from error


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`read`: this computer's logs at all; `journal`: systemd's; `files`: more text logs, by path or pattern."""

    read: bool = True
    journal: bool = True
    files: tuple[str, ...] = ()


class MalwareSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`scan`: programs that start and files on sticks; `files`: more YARA rules (`.yar`) and lists of SHA-256."""

    scan: bool = True
    files: tuple[str, ...] = ()


class AgentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`protect`: absolute folders; `watch_out`: folders that a program copies to the outside (cloud synchronisation);
    `templates`: folders of forms whose text is no evidence; `lab_loop_is_removable`: take loop devices for USB
    sticks, for trials only; `tell_processes`: an event for each program that starts (without it processes are only
    named in other events); `logs`: which logs are followed; `malware`: what is scanned and with what;
    `network_devices`: ports on which the agent hears firewalls and switches, none by default; `caps`: the weight above
    which the agent starts itself anew; `remote`: what the centre decides (jikimi.domain.agent_config says how much that
    may be) goes over what stands here. Only this file can forbid it."""

    protect: tuple[str, ...] = ()
    watch_out: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    lab_loop_is_removable: bool = False
    tell_processes: bool = True
    network_devices: DeviceSettings = DeviceSettings()
    logs: LogSettings = LogSettings()
    malware: MalwareSettings = MalwareSettings()
    capture: CaptureSettings = CaptureSettings()
    caps: Caps = Caps()
    remote: bool = True


def default_state_dir() -> Path:
    """$JIKIMI_AGENT_STATE, else the system's own place (as root on Unix), else the user's."""
    if named := os.environ.get("JIKIMI_AGENT_STATE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "Jikimi" / "agent"
    if os.geteuid() == 0:
        return Path("/Library/Application Support/Jikimi" if sys.platform == "darwin" else "/var/lib/jikimi-agent")
    return Path.home() / ".local" / "state" / "jikimi-agent"


def protected_folders(named: Sequence[Path], state: Path) -> tuple[str, ...]:
    """Absolute, without symbolic links, each once. Raises Misconfigured for what is no folder, cannot be read, or
    holds the agent's own state (every write of which would be an event to write)."""
    found = []
    state = state.resolve()
    for folder in named:
        real = folder.resolve()
        if not real.exists():
            raise Misconfigured(f"{folder}: this folder to protect does not exist")
        if not real.is_dir():
            raise Misconfigured(f"{folder}: not a folder; protect the folder that holds it")
        if not os.access(real, os.R_OK | os.X_OK):
            raise Misconfigured(f"{folder}: the agent may not read this folder; run it as a user who may")
        if real == state or real in state.parents:
            raise Misconfigured(f"{folder}: holds the agent's own state {state}; choose another folder with --state")
        found.append(str(real))
    return tuple(dict.fromkeys(found))


def save(settings: AgentSettings, path: Path) -> None:
    """Raises Misconfigured when it cannot be written."""
    fresh = path.with_suffix(".new")
    try:
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")
        fresh.replace(path)
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be written ({error.strerror})") from error


def load(path: Path) -> AgentSettings:
    """Defaults when there is no file. Raises Misconfigured when it is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=AgentSettings)
    except FileNotFoundError:
        return AgentSettings()
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({error.strerror})") from error
    except msgspec.MsgspecError as error:
        raise Misconfigured(f"{path}: {error}; mend it or enrol again") from error


def with_remote(local: AgentSettings, remote: Mapping[str, Any], state: Path) -> AgentSettings:
    """`local` with what the centre decided over it; folders that this computer does not have are left out.

    Raises Misconfigured when both together make no settings, or a folder holds the agent's own state.
    """
    if not local.remote or not remote:
        return local
    here = dict(remote)
    for name in ("protect", "watch_out", "templates"):
        if name in here:
            there = [Path(folder) for folder in here[name] if Path(folder).is_dir()]
            here[name] = protected_folders(there, state)
    try:
        return msgspec.convert(merged(msgspec.to_builtins(local), here), AgentSettings)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"the centre's settings do not fit this computer's: {error}") from error
