"""What the agent watches on macOS. Leak evidence and malware scanning are not there yet (docs/agent.md)."""

import os
import subprocess
from collections.abc import Sequence

from collectors.macos.endpoint import ESLOGGER, Endpoint
from collectors.macos.lsof import owned
from collectors.macos.volumes import Volumes
from collectors.passports import Passports
from collectors.settings import AgentSettings, StateDir
from collectors.sources.feed import Source
from collectors.sources.listed_media import ListedMedia
from collectors.sources.listed_sockets import ListedSockets, Owned
from collectors.sources.logs import Logs, local_zone
from collectors.sources.memory import Memory
from collectors.sources.observed import Observed

LSOF = ("/usr/sbin/lsof", "-nP", "-iTCP", "-F", "pcLtTn")
LOOK_AT_SOCKETS, WITHIN = 2.0, 20.0


def watched(
    state: StateDir, chosen: AgentSettings, centre: frozenset[tuple[str, int]], passports: Passports
) -> list[Source]:
    """Every source, in the order in which `agent status` lists them."""
    volumes, own = Volumes(), {os.getpid()}
    files: Source = Observed(chosen.protect, Memory(state.memory("files")), volumes.points, chosen.watch_out)
    if os.geteuid() == 0 and os.access(ESLOGGER, os.X_OK):
        files = Endpoint(chosen.protect, volumes.points, own, chosen.watch_out, chosen.tell_processes)
    found = [
        files,
        ListedMedia(volumes.removable, Memory(state.memory("media")), passports, "diskutil"),
        ListedSockets(_sockets, Memory(state.memory("flows")), "lsof", LOOK_AT_SOCKETS, centre),
    ]
    if chosen.logs.read:
        found.append(Logs(chosen.logs, Memory(state.memory("logs")), own, local_zone()))
    if chosen.network_devices.listens:
        from collectors.network_devices.receiver import NetworkDevices  # most agents never need it

        found.append(NetworkDevices(chosen.network_devices))
    return found


def _sockets() -> Sequence[Owned]:
    """lsof says 1 when some process could not be looked into. Raises OSError."""
    try:
        said = subprocess.run(LSOF, capture_output=True, text=True, check=False, timeout=WITHIN)  # noqa: S603
    except subprocess.SubprocessError as error:
        raise OSError(f"lsof: {error}") from error
    return list(owned(said.stdout.splitlines()))
