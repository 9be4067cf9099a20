"""What the agent watches on Linux."""

from functools import partial

from collectors.evidence.capture import Capture
from collectors.leak.heard import Heard
from collectors.leak.source import Leak
from collectors.malware.source import Malware, scanned_with
from collectors.malware.suspects import Suspects
from collectors.passports import Passports
from collectors.settings import AgentSettings, StateDir
from collectors.sources import volumes
from collectors.sources.executions import Executions
from collectors.sources.feed import Source
from collectors.sources.files import Files
from collectors.sources.flows import Flows
from collectors.sources.kernel_records import KernelRecords
from collectors.sources.lookups import Lookups
from collectors.sources.media import Media
from collectors.sources.memory import Memory
from collectors.sources.names import Names
from collectors.sources.owners import Owners
from collectors.sources.who import Processes


def watched(
    state: StateDir, chosen: AgentSettings, centre: frozenset[tuple[str, int]], passports: Passports
) -> list[Source]:
    """Every source, in the order in which `agent status` lists them."""
    processes = Processes()
    owners, names = Owners(processes), Names()
    records = KernelRecords(processes, owners)
    loop = chosen.lab_loop_is_removable
    heard = Heard(chosen.protect, chosen.watch_out, processes.find)
    suspects = Suspects()
    found: list[Source] = [
        Executions(records, chosen.tell_processes, suspects.started),
        Files(
            chosen.protect,
            Memory(state.memory("files")),
            processes,
            chosen.watch_out,
            (heard, suspects),
            loop_is_removable=loop,
        ),
        Leak(
            heard, chosen.protect, chosen.templates, state.leak_index, processes.own, partial(volumes.identity_at, loop)
        ),
        Media(Memory(state.memory("media")), loop, passports),
        Flows(Memory(state.memory("flows")), centre, processes, owners, names),
        Lookups(names, owners, processes),
    ]
    if chosen.logs.read:
        from collectors.sources.logs import Logs, local_zone

        found.append(Logs(chosen.logs, Memory(state.memory("logs")), processes.own, local_zone()))
    if chosen.malware.scan:
        found.append(Malware(suspects, scanned_with(chosen.malware), processes.own, loop))
    found.append(Capture(chosen.capture, state.capture))
    if chosen.network_devices.listens:
        from collectors.network_devices.receiver import NetworkDevices  # most agents never need it

        found.append(NetworkDevices(chosen.network_devices))
    return found
