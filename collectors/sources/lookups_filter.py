"""The kernel's filter of collectors.sources.lookups, for a packet socket without link header: the IP header is at 0."""

from collectors.sources.bpf import (
    ADD_X,
    ALL,
    AND,
    JUMP_EQUAL,
    LEFT,
    LOAD8_AT_X,
    LOAD16_AT_X,
    RETURN,
    RIGHT,
    TO_PROTOCOL,
    TO_X,
    Step,
)

_TCP, _UDP = 6, 17
_DNS, _HTTPS = 53, 443

DNS_AND_OPENINGS = (
    *TO_PROTOCOL,
    Step(JUMP_EQUAL, _TCP, "ports", label="protocol"),
    Step(JUMP_EQUAL, _UDP, "", "drop"),
    Step(LOAD16_AT_X, 0, label="ports"),
    Step(JUMP_EQUAL, _DNS, "keep"),
    Step(LOAD16_AT_X, 2),
    Step(JUMP_EQUAL, _DNS, "keep"),
    Step(JUMP_EQUAL, _HTTPS, "", "drop"),
    Step(LOAD8_AT_X, 12),  # TCP's header length in its upper half; a QUIC packet's never leads to what is asked next
    Step(RIGHT, 4),
    Step(AND, 15),
    Step(LEFT, 2),
    Step(ADD_X),
    Step(TO_X),
    Step(LOAD8_AT_X, 0),
    Step(JUMP_EQUAL, 0x16, "", "drop"),  # handshake
    Step(LOAD8_AT_X, 5),
    Step(JUMP_EQUAL, 1, "", "drop"),  # ClientHello
    Step(RETURN, ALL, label="keep"),
    Step(RETURN, 0, label="drop"),
)
