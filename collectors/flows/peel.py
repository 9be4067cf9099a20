"""`python -m collectors.flows.peel`: finds the IP packet in frames of link types that we do not know, with scapy.

A program of its own: scapy is GPL-2.0-only and 80 MB in memory, so it is never loaded beside Jikimi's code, and what a
hostile frame makes of it ends here. Frames come on stdin (REQUEST, then the bytes), answers go to stdout (ANSWER, then
the bytes).
"""

import resource
import struct
import sys
from typing import IO, Any

REQUEST = struct.Struct(">II")
"""Link type, length."""

ANSWER = struct.Struct(">i")
"""Length of the IP packet that follows; NOT_IP, or UNKNOWN for a link type that scapy does not know either."""

NOT_IP, UNKNOWN = -1, -2
MEMORY = 1024 * 1024 * 1024
SECONDS = 3600


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    from scapy.all import conf

    # what scapy itself prints must not get among the answers
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    _serve(sys.stdin.buffer, out, conf)


def _serve(requests: IO[bytes], answers: IO[bytes], conf: Any) -> None:
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        link, size = REQUEST.unpack(head)
        frame = requests.read(size)
        answer = _ip_in(link, frame, conf)
        answers.write(ANSWER.pack(answer) if isinstance(answer, int) else ANSWER.pack(len(answer)) + answer)
        answers.flush()


def _ip_in(link: int, frame: bytes, conf: Any) -> bytes | int:
    from scapy.all import IP, IPv6

    layers = conf.l2types.num2layer
    if link not in layers:
        return UNKNOWN
    try:
        packet = layers[link](frame)
    except Exception:  # scapy raises whatever its dissectors raise
        return NOT_IP
    while packet:
        if isinstance(packet, IP | IPv6):
            return bytes(packet.original)
        packet = packet.payload
    return NOT_IP


if __name__ == "__main__":
    main()
