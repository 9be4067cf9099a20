"""Telemetry of our own making, the same from the same seed: what `jikimi bench sigma` matches without files.

A lane is a log source and a source of ordinary events, each value as a real machine would write it. A lane never gives
an event twice, so a second pass over a lane is no pass over remembered lines.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from bench.lanes.flows import network_flows
from bench.lanes.linux import auditd, web_access
from bench.lanes.processes import new_processes, repeated_processes
from bench.lanes.windows import mixed_windows
from jikimi.domain.event import Event
from jikimi.domain.logsource import NETWORK_FLOW, LogSource


class Lane(NamedTuple):
    name: str
    logsource: LogSource
    events: Callable[[Random], Iterator[Event]]


LANES = (
    Lane("mixed Windows telemetry", LogSource("windows"), mixed_windows),
    Lane("process creation, repeating", LogSource("windows"), repeated_processes),
    Lane("process creation, every value new", LogSource("windows"), new_processes),
    Lane("network flows", NETWORK_FLOW, network_flows),
    Lane("Linux auditd", LogSource("linux", None, "auditd"), auditd),
    Lane("web access log", LogSource(None, "webserver"), web_access),
)
