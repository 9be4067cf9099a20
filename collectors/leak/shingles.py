"""A text's fingerprint: some words in a row, hashed, one in eight kept.

Source: A. Broder, "On the resemblance and containment of documents" (1997). Which eighth is kept depends on the words
alone, so two texts keep the same shingles of what they share, wherever it stands.

A row is five words, or fifteen syllables of Korean, which are about five words too. Korean is read by syllables because
its spaces do not survive: PDFs are laid out without them, break lines inside words, and people space the same sentence
differently. Japanese and Chinese stand without spaces anyhow: there eight characters are a row.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import accumulate

import xxhash

WORDS = 5
SAMPLED = 8
MOST = 8_000
"""Shingles kept of one protected document: the smallest hashes, which is again a fair sample."""

_HANGUL, _HAN = r"\uac00-\ud7a3", r"\u3040-\u30ff\u3400-\u9fff"
_TOKEN = re.compile(rf"[{_HANGUL}{_HAN}]|[^\W{_HANGUL}{_HAN}]+")
_WORD, _SYLLABLE, _CHARACTER = 6, 2, 4
_ROW = WORDS * _WORD
_LONGEST_ROW = _ROW // _SYLLABLE
_STRETCH = 1 << 18
_GAP = re.compile(rf"[\W{_HANGUL}{_HAN}]")
_FEW_LETTERS = 12
_FEW_WORDS = 3


def text_shingles(text: str) -> frozenset[int]:
    """Of any length: a long text is read in stretches, for its words as objects take a hundred times its room."""
    found = set[int]()
    tail: list[str] = []
    at = 0
    while at < len(text):
        gap = _GAP.search(text, at + _STRETCH)
        end = gap.end() if gap else len(text)
        words = tail + words_of(text[at:end])
        found |= shingles(words)
        tail, at = words[-_LONGEST_ROW:], end
    return frozenset(found)


def words_of(text: str) -> list[str]:
    """In lower case, without punctuation; a Korean syllable, a Chinese or Japanese character is a word."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).lower())


def _any(_: Sequence[str]) -> bool:
    return True


def shingles(words: Sequence[str], telling: Callable[[Sequence[str]], bool] = _any) -> frozenset[int]:
    """63-bit numbers. Rows of the same words or of single characters ("0 0 0 0 0") say nothing and are left out, and so
    is what is not `telling`."""
    weights = [_weight(word) for word in words]
    joined = " ".join(words).encode("utf-32-le")
    places = [0, *accumulate(4 * len(word) + 4 for word in words)]
    kept = set[int]()
    end = held = 0
    for at, weight in enumerate(weights):
        while held < _ROW and end < len(weights):
            held += weights[end]
            end += 1
        if held < _ROW:
            break
        held -= weight
        mark = xxhash.xxh3_64_intdigest(joined[places[at] : places[end] - 4])
        if mark % (SAMPLED * _WORD // weight) == 0 and _says_something(row := words[at:end]) and telling(row):
            kept.add(mark >> 1)
    return frozenset(kept)


def smallest(marks: frozenset[int], most: int = MOST) -> frozenset[int]:
    return frozenset(sorted(marks)[:most]) if len(marks) > most else marks


def _weight(word: str) -> int:
    """How much of a row a word fills; a shorter unit is also kept more rarely, so that eight words give one shingle."""
    if len(word) > 1 or word < "\u3040":
        return _WORD
    if "\uac00" <= word <= "\ud7a3":
        return _SYLLABLE
    return _CHARACTER if word <= "\u9fff" else _WORD


def _says_something(row: Sequence[str]) -> bool:
    letters = sum(len(word) if _weight(word) == _WORD else 2 for word in row)
    return len(set(row)) >= _FEW_WORDS and letters >= _FEW_LETTERS
