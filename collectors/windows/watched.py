"""What the agent watches on Windows. Leak evidence and malware scanning are not there yet (docs/agent.md)."""

from collectors.passports import Passports
from collectors.settings import AgentSettings, StateDir
from collectors.sources.feed import Source
from collectors.sources.listed_media import ListedMedia
from collectors.sources.listed_sockets import ListedSockets
from collectors.sources.memory import Memory
from collectors.sources.observed import Observed
from collectors.windows import volumes
from collectors.windows.audited import Audited
from collectors.windows.event_log import EventLog
from collectors.windows.sockets import owned_sockets
from collectors.windows.subscription import ChannelSubscription
from collectors.windows.writing_only import ask_for_writing_only

LOOK_AT_SOCKETS = 0.5


def watched(
    state: StateDir, chosen: AgentSettings, centre: frozenset[tuple[str, int]], passports: Passports
) -> list[Source]:
    """Every source, in the order in which `agent status` lists them."""
    from watchdog.observers import winapi  # only Windows can import it

    ask_for_writing_only(winapi)
    audited = Audited()
    found: list[Source] = [
        Observed(
            chosen.protect,
            Memory(state.memory("files")),
            volumes.points,
            chosen.watch_out,
            audited.who,
            "reading is seen in the Security log only, and who it was where the folder is audited (event 4663)",
        ),
        ListedMedia(volumes.removable, Memory(state.memory("media")), passports, "drive letters"),
        ListedSockets(owned_sockets, Memory(state.memory("flows")), "GetExtendedTcpTable", LOOK_AT_SOCKETS, centre),
    ]
    if chosen.logs.read:
        found.append(EventLog(Memory(state.memory("logs")), ChannelSubscription, audited.heard))
    if chosen.network_devices.listens:
        from collectors.network_devices.receiver import NetworkDevices  # most agents never need it

        found.append(NetworkDevices(chosen.network_devices))
    return found
