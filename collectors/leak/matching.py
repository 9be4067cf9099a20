"""One written file, taken apart, held against the registry."""

import os
from collections.abc import Iterable
from typing import NamedTuple

from collectors.leak import evidence
from collectors.leak.evidence import Evidence
from collectors.leak.pieces import Piece
from collectors.leak.registry import Found, Registry

UNCOMMON_SIZE = 4096


class Verdict(NamedTuple):
    """`best` is the surest evidence, `documents` all protected documents that were found, surest first."""

    best: Evidence | None
    documents: list[str]


def match(contents: Iterable[Piece], registry: Registry) -> Verdict:
    """The surest evidence for each document; the first of equals."""
    by_document: dict[str, Evidence] = {}
    for piece in contents:
        for found in _of(piece, registry):
            known = by_document.get(found.document)
            if known is None or found.confidence > known.confidence:
                by_document[found.document] = found
    surest = sorted(by_document.values(), key=lambda one: -one.confidence)
    return Verdict(surest[0] if surest else None, [one.document for one in surest])


def _of(piece: Piece, registry: Registry) -> list[Evidence]:
    if same := registry.same(piece):
        known = _known(piece, same)
        return [known] if known else []
    found = []
    for overlap in registry.overlaps(piece.marks):
        told = evidence.text(overlap.path, piece.name, overlap.shared, overlap.of)
        if told:
            found.append(told)
    return found


def _known(piece: Piece, same: list[Found]) -> Evidence | None:
    first = next((one for one in same if _base(one.name or one.path) == _base(piece.name)), same[0])
    if piece.sha256 is not None:
        return evidence.unpacked(first.path, piece.name) if piece.name else evidence.equal(first.path)
    if piece.crc32 is not None:
        return evidence.listed(first.path, piece.name, encrypted=piece.encrypted)
    same_name = _base(first.name or first.path) == _base(piece.name)
    if not same_name and piece.size < UNCOMMON_SIZE:
        return None
    return evidence.same_size(first.path, piece.name, same_name=same_name)


def _base(path: str) -> str:
    return os.path.basename(path).lower()
