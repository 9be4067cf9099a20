"""Classic BPF programs for sockets: the kernel throws away what the agent would, before it wakes anyone.

Instructions and ancillary loads are those of <linux/filter.h> (Documentation/networking/filter.rst). Jumps name labels.
"""

import ctypes
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

LOAD32, LOAD16, LOAD8 = 0x20, 0x28, 0x30
LOAD8_AT_X, LOAD16_AT_X, LOAD32_AT_X = 0x50, 0x48, 0x40
LOAD_NUMBER, LOAD_MEMORY, LOAD_LENGTH = 0x00, 0x60, 0x80
X_NUMBER, X_HEADER = 0x01, 0xB1
"""X_HEADER: X = 4 * (byte & 15), the length of an IPv4 header."""
STORE, TO_X, TO_A = 0x02, 0x07, 0x87
AND, RIGHT, ADD_X, SUBTRACT_X, LEFT = 0x54, 0x74, 0x0C, 0x1C, 0x64
JUMP_EQUAL, JUMP_SET, JUMP_GREATER, JUMP = 0x15, 0x45, 0x25, 0x05
RETURN = 0x06

ANCILLARY = 0xFFFFF000
PROTOCOL, PACKET_TYPE = ANCILLARY + 0, ANCILLARY + 4
ATTRIBUTE, ATTRIBUTE_NESTED = ANCILLARY + 12, ANCILLARY + 16
"""Netlink: A = where to look, X = which attribute; gives its offset or 0."""
ALL = 0xFFFF_FFFF

_INSTRUCTION = struct.Struct("=HBBI")
_SO_ATTACH_FILTER = 26


class Step(NamedTuple):
    """`then` and `otherwise` are labels ("" = the next step) of a conditional jump."""

    code: int
    number: int = 0
    then: str = ""
    otherwise: str = ""
    label: str = ""


TO_PROTOCOL = (
    Step(LOAD8, 0),
    Step(RIGHT, 4),
    Step(JUMP_EQUAL, 6, "ipv6"),
    Step(JUMP_EQUAL, 4, "", "drop"),
    Step(LOAD16, 6),
    Step(JUMP_SET, 0x1FFF, "drop"),  # a later fragment
    Step(X_HEADER, 0),
    Step(LOAD8, 9),
    Step(JUMP, 0, "protocol"),
    Step(X_NUMBER, 40, label="ipv6"),
    Step(LOAD8, 6),
)
"""In a packet without link header, whose IP header is at 0: A = its protocol, X = where that begins. The next step is
labelled `protocol`; `drop` is where other packets and later fragments go."""


def program(steps: Sequence[Step]) -> bytes:
    """The steps as `struct sock_filter`s. Raises KeyError for a label that no later step has."""
    places = {step.label: at for at, step in enumerate(steps) if step.label}
    packed = []
    for at, step in enumerate(steps):
        if step.code == JUMP:
            packed.append(_INSTRUCTION.pack(JUMP, 0, 0, places[step.then] - at - 1))
            continue
        jumps = [places[name] - at - 1 if name else 0 for name in (step.then, step.otherwise)]
        packed.append(_INSTRUCTION.pack(step.code, *jumps, step.number))
    return b"".join(packed)


def attach(to: socket.socket, steps: Sequence[Step]) -> None:
    """Raises OSError when the kernel does not accept the program."""
    code = program(steps)
    held = ctypes.create_string_buffer(code, len(code))
    to.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(steps), ctypes.addressof(held)))
