"""Packets kept as evidence: what the centre may ask an agent for, and the manifest of what there is."""

import re
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from jikimi.errors import Misconfigured

REQUESTS = "jikimi evidence requests 1"
"""What is signed, as jikimi.signing wants it said."""

VALID_FOR = timedelta(minutes=10)
"""An agent takes no older list: whoever kept one cannot have a computer's packets captured again later."""

MANIFEST = "manifest.json"
LONGEST_FILTER = 200

_FILTER = re.compile(r"[A-Za-z0-9 .:/()\[\]&|!<>=+*-]*", re.ASCII)
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"

Seconds = Annotated[float, Meta(ge=0, le=3600)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class EvidenceRequest(msgspec.Struct, frozen=True):
    """`before` and `after` in seconds around the moment the agent hears of it; `filter` is libpcap's."""

    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    before: Seconds
    after: Seconds
    filter: Annotated[str, Meta(max_length=LONGEST_FILTER)]
    reason: Annotated[str, Meta(max_length=300)]
    by: Annotated[str, Meta(max_length=200)]


class EvidenceRequests(msgspec.Struct, frozen=True):
    """What one agent is asked for: the document that the centre signs."""

    tenant_id: str
    agent_id: str
    expires_at: datetime
    evidence_requests: Annotated[tuple[EvidenceRequest, ...], Meta(max_length=16)]


class File(msgspec.Struct, frozen=True):
    name: Annotated[str, Meta(pattern=_NAME)]
    bytes: Annotated[int, Meta(ge=0)]
    sha256: Sha256


class Manifest(msgspec.Struct, frozen=True):
    """Who asked for what and what there is. `received` and `dropped` count the whole ring's packets.

    `held_from`: since when every packet is in the files, later than `wanted_from` where the capture began later or
    had written over what it held; None in manifests of agents that did not tell.
    """

    id: str
    device: str
    asked_at: datetime
    asked_by: str
    reason: str
    wanted_from: datetime
    wanted_to: datetime
    interface: str
    filter: str
    snap: int
    received: int
    dropped: int
    files: Annotated[tuple[File, ...], Meta(max_length=1000)]
    held_from: datetime | None = None


def narrowed(own: str, asked: str) -> str:
    """The filter under which both hold. Raises Misconfigured for an `asked` that could reach beyond its brackets."""
    depth = 0
    for letter in asked:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            break
    if depth or len(asked) > LONGEST_FILTER or not _FILTER.fullmatch(asked):
        raise Misconfigured(
            f"{asked[:LONGEST_FILTER]!r} is no capture filter: words of pcap-filter(7), brackets closed, "
            f"at most {LONGEST_FILTER} letters, e.g. 'host 192.0.2.7 and tcp port 445'"
        )
    return " and ".join(f"({part})" for part in (own, asked) if part.strip())
