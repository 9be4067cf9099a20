"""A text's fingerprint: five words in a row, hashed, one in eight kept.

Source: A. Broder, "On the resemblance and containment of documents" (1997). Which eighth is kept depends on the words
alone, so two texts keep the same shingles of what they share, wherever it stands.
"""

import re
from collections.abc import Iterable, Sequence

import xxhash

WORDS = 5
SAMPLED = 8
MOST = 8_000
"""Shingles kept of one document: the smallest hashes, which is again a fair sample."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""Japanese and Chinese stand without spaces: there a character is a word. Korean has spaces."""
_FEW_LETTERS = 12
_FEW_WORDS = 3


def words_of(text: str) -> list[str]:
    """In lower case, without punctuation."""
    return _WORD.findall(text.lower())


def shingles(words: Sequence[str]) -> frozenset[int]:
    """63-bit numbers. Rows of the same words or of single characters ("0 0 0 0 0") say nothing and are left out."""
    kept = set[int]()
    for at in range(len(words) - WORDS + 1):
        row = words[at : at + WORDS]
        mark = xxhash.xxh3_64_intdigest(" ".join(row).encode())
        if mark % SAMPLED == 0 and len(set(row)) >= _FEW_WORDS and sum(map(len, row)) >= _FEW_LETTERS:
            kept.add(mark >> 1)
    return smallest(kept)


def smallest(marks: Iterable[int], most: int = MOST) -> frozenset[int]:
    every = list(marks)
    return frozenset(sorted(every)[:most] if len(every) > most else every)
