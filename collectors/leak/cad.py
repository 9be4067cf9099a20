"""Drawings that are text: DXF, STEP, IGES. Only what a person drew, not what every file of the program begins with.

Sources: DXF reference (Autodesk), ISO 10303-21, IGES 5.3 section 2. A coordinate is a word here; a row of five counts
only with two numbers of at least four digits in it, because zeros and ones stand in every drawing.
"""

import re
from collections.abc import Iterator, Sequence

from collectors.leak.shingles import WORDS

_DXF = re.compile(r"\A\s*(?:999\s*\n[^\n]*\n\s*)*0\s*\r?\nSECTION\b")
_STEP = "ISO-10303-21"
_STEP_WORD = re.compile(r"'[^']*'|[A-Za-z_]\w*|[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
_STEP_DATA = re.compile(r"^\s*DATA\s*[;(]", re.MULTILINE)
"""What comes before it is the header: names, dates, the program."""
_STEP_NAME = re.compile(r"#\d+")
_TELLING = re.compile(r"\d")
_DIGITS = 4
_DRAWN = ("ENTITIES", "BLOCKS")


def drawing_words(text: str) -> list[str] | None:
    """The words of a drawing in rows that tell something; None when `text` is no drawing."""
    if _DXF.match(text[:4096]):
        return list(_dxf(text))
    if text.lstrip().startswith(_STEP):
        drawn = _STEP_DATA.search(text)
        return _STEP_WORD.findall(_STEP_NAME.sub(" ", text[drawn.end() if drawn else 0 :].lower()))
    if _is_iges(text):
        parameters = (line[:64] for line in text.splitlines() if line[72:73] == "P")
        return [word.strip().lower() for word in re.split(r"[,;]", "".join(parameters)) if word.strip()]
    return None


def telling(row: Sequence[str]) -> bool:
    """Whether five words of a drawing could not stand in any other."""
    return sum(len(_TELLING.findall(word.strip("0.+-"))) >= _DIGITS for word in row[:WORDS]) >= 2


def _dxf(text: str) -> Iterator[str]:
    """The values of the sections that hold geometry and labels; handles (5, 330) change with every saving."""
    lines = iter(text.splitlines())
    section = ""
    for code, value in zip(map(str.strip, lines), map(str.strip, lines), strict=False):
        if code == "0" and value == "SECTION":
            section = "?"
        elif code == "2" and section == "?":
            section = value
        elif code == "0" and value == "ENDSEC":
            section = ""
        elif section in _DRAWN and code not in ("5", "330", "100", "102", "360") and value:
            yield value.lower()


def _is_iges(text: str) -> bool:
    first = text[:82]
    return len(first) >= 80 and first[72:73] == "S" and first[73:80].strip().isdigit()
