"""Licences: text that stands in thousands of files of other people, and proves nothing about a company's own."""

import os
import re

HEAD = 20_000
"""Characters, in which a source file states its licence."""
_WORDS = re.compile(r"copyright|licen[sc]e|저작권", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/|^(?:[ \t]*(?:#|//|--|%|;)[^\n]*\n\s*)+|<!--.*?-->", re.DOTALL | re.MULTILINE)
_NAME = re.compile(rb"(?:un)?licen[sc]es?|copying|copyright|notice", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\r?\n\s*\n")
_LEGAL = re.compile(
    r"\b(?:licen[sc]\w*|copyright\w*|warrant\w*|liab\w*|redistribut\w*|distribut\w*|permi\w*|grant\w*|software|"
    r"modif\w*|cop(?:y|ies)|derivative|notices?|terms|conditions|contribut\w*|patents?|royalt\w*|source|rights?|"
    r"provided|agree\w*|conve(?:y|r)\w*|works?|use|damages?|claims?|law|merchantab\w*)\b"
)
_SURE = ("licen", "copyright", "warrant", "redistribut", "permi", "liab", "merchantab", "royalt")
_ENOUGH = 3
"""Different words of law in a paragraph, a sure one among them, that make it one of a licence's."""
_ENDINGS = (b"", b".txt", b".md", b".rst", b".lesser", b".apache", b".mit", b".bsd")
LARGEST = 200_000
"""Bytes of a file that is nothing but licences."""


def without_licence(text: str) -> str:
    """Without the comments at the beginning of a source file that speak of copyright."""
    return _COMMENT.sub(lambda found: " " if _WORDS.search(found[0]) else found[0], text[:HEAD]) + text[HEAD:]


def is_licence(path: bytes, size: int, head: bytes) -> bool:
    """Whether a file among the protected ones is a licence: by its name, and all but wholly by what it says. Whoever
    calls a drawing LICENSE and writes a copyright into it hides nothing."""
    name, ending = os.path.splitext(os.path.basename(path))
    if size > LARGEST or ending.lower() not in _ENDINGS or not _NAME.fullmatch(name):
        return False
    legal = other = 0
    for paragraph in _BLANK_LINE.split(head.decode("utf-8", "ignore")):
        words = set(_LEGAL.findall(paragraph.lower()))
        if len(words) >= _ENOUGH and any(word.startswith(_SURE) for word in words):
            legal += len(paragraph)
        else:
            other += len(paragraph)
    return legal > other
