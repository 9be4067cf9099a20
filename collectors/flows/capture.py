"""Capture files as a stream of frames, in constant memory; behind a damaged place reading goes on with the next whole
packet.
"""

from collections.abc import Iterator

from collectors.flows.frame import Frame
from collectors.flows.pcap import pcap_frames
from collectors.flows.pcapng import SECTION, pcapng_frames
from collectors.flows.window import Damage, Readable, Window


def frames(stream: Readable, damage: Damage) -> Iterator[Frame]:
    """The frames of a pcap or pcapng stream, in file order; `damage` is told of each place that could not be read."""
    window = Window(stream, damage)
    window.more(4)
    read = pcapng_frames if window.data[:4] == SECTION else pcap_frames
    return read(window, damage)
