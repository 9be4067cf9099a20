"""Runs the flow source where it is started (a network namespace) and prints its events; ends when stdin closes."""

import sys
import threading
from pathlib import Path

import orjson

from collectors.sources.feed import Feed
from collectors.sources.flows import Flows
from collectors.sources.memory import Memory

if __name__ == "__main__":
    feed, stop = Feed("flows", "lab", capacity=100_000), threading.Event()
    source = Flows(Memory(Path(sys.argv[1])), poll_only="poll" in sys.argv)
    thread = threading.Thread(target=source.run, args=(feed, stop))
    thread.start()
    while feed.state == "starting" and thread.is_alive():
        stop.wait(0.01)
    sys.stdout.write(f"{feed.mode}\n")
    sys.stdout.flush()
    sys.stdin.read()
    stop.set()
    thread.join()
    for observation in feed.take(100_000):
        sys.stdout.write(orjson.dumps(observation.event).decode() + "\n")
