"""The kernel's filter of collectors.sources.lookups, for a packet socket without link header: the IP header is at 0."""

from collectors.sources.bpf import (
    ADD_X,
    ALL,
    AND,
    JUMP,
    JUMP_EQUAL,
    JUMP_SET,
    LEFT,
    LOAD8,
    LOAD8_AT_X,
    LOAD16,
    LOAD16_AT_X,
    RETURN,
    RIGHT,
    TO_X,
    X_HEADER,
    X_NUMBER,
    Step,
)

_IPV6_HEADER = 40
_TCP, _UDP = 6, 17
_DNS, _HTTPS = 53, 443

DNS_AND_OPENINGS = (
    Step(LOAD8, 0),
    Step(RIGHT, 4),
    Step(JUMP_EQUAL, 6, "ipv6"),
    Step(JUMP_EQUAL, 4, "", "drop"),
    Step(LOAD16, 6),
    Step(JUMP_SET, 0x1FFF, "drop"),  # a later fragment
    Step(X_HEADER, 0),
    Step(LOAD8, 9),
    Step(JUMP, 0, "protocol"),
    Step(X_NUMBER, _IPV6_HEADER, label="ipv6"),
    Step(LOAD8, 6),
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
