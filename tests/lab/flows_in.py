"""Runs the flow source where it is started (a network namespace) and prints its events; ends when stdin closes.

With "named" the kernel's records and the packet filter run beside it, as in the agent; with "small" the kernel's
buffer is a few messages long.
"""

import sys
import threading
from pathlib import Path
from typing import get_args

import orjson

from collectors.sources import conntrack
from collectors.sources.executions import Executions
from collectors.sources.feed import Feed, Source
from collectors.sources.flows import Flows, Way
from collectors.sources.kernel_records import KernelRecords
from collectors.sources.lookups import Lookups
from collectors.sources.memory import Memory
from collectors.sources.names import Names
from collectors.sources.owners import Owners
from collectors.sources.who import Processes


def sources() -> list[Source]:
    processes = Processes()
    owners, names = Owners(processes), Names()
    only = next((way for way in get_args(Way) if way in sys.argv), None)
    flows = Flows(Memory(Path(sys.argv[1])), frozenset(), processes, owners, names, only=only)
    if "named" not in sys.argv:
        return [flows]
    return [flows, Executions(KernelRecords(processes, owners), tell=False), Lookups(names, owners, processes)]


if __name__ == "__main__":
    if "small" in sys.argv:
        conntrack.RECEIVE_BUFFER = 4096
    stop = threading.Event()
    running = [(source, Feed(source.name, "lab", capacity=100_000)) for source in sources()]
    threads = [threading.Thread(target=source.run, args=(feed, stop)) for source, feed in running]
    for thread in threads:
        thread.start()
    while any(feed.state == "starting" for _, feed in running) and all(thread.is_alive() for thread in threads):
        stop.wait(0.01)
    sys.stdout.write(f"{running[0][1].mode}\n")
    sys.stdout.flush()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    for _, feed in running:
        for observation in feed.take(100_000):
            sys.stdout.write(orjson.dumps(observation.event).decode() + "\n")
