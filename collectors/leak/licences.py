"""Licences: text that stands in thousands of files of other people, and proves nothing about a company's own."""

import os
import re

HEAD = 20_000
"""Characters, in which a source file states its licence."""
_WORDS = re.compile(r"copyright|licen[sc]e|저작권", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/|^(?:[ \t]*(?:#|//|--|%|;)[^\n]*\n\s*)+|<!--.*?-->", re.DOTALL | re.MULTILINE)
_NAME = re.compile(rb"(?:un)?licen[sc]es?|copying|copyright|notice", re.IGNORECASE)
_ENDINGS = (b"", b".txt", b".md", b".rst", b".lesser", b".apache", b".mit", b".bsd")
LARGEST = 200_000
"""Bytes of a file that is nothing but licences."""


def without_licence(text: str) -> str:
    """Without the comments at the beginning of a source file that speak of copyright."""
    return _COMMENT.sub(lambda found: " " if _WORDS.search(found[0]) else found[0], text[:HEAD]) + text[HEAD:]


def is_licence(path: bytes, size: int, head: bytes) -> bool:
    """Whether a file among the protected ones is a licence by its name and by what it says."""
    name, ending = os.path.splitext(os.path.basename(path))
    known = size <= LARGEST and ending.lower() in _ENDINGS and _NAME.fullmatch(name)
    return bool(known) and bool(_WORDS.search(head.decode("utf-8", "ignore")))
