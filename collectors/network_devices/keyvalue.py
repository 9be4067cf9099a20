"""`name=value name="value"` lines: FortiGate, Sophos, WatchGuard, SonicWall, SECUI in its WELF form, and many more."""

import re

_NAME = re.compile(r"(?:^|(?<=[\s,;|]))([A-Za-z_가-힣][\w.\-]{0,63})=")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'')
_ESCAPED = re.compile(r'\\(["\\])')
MOST = 512
"""Pairs of one line that are read."""


def pairs(text: str) -> dict[str, str]:
    """Every pair, in order; a value without quotes may hold blanks: it ends where the next name begins. Of a name given
    twice the first counts."""
    found: dict[str, str] = {}
    name = _NAME.search(text)
    while name and len(found) < MOST:
        start = name.end()
        if quoted := _QUOTED.match(text, start):
            value = quoted[2] if quoted[1] is None else _ESCAPED.sub(r"\1", quoted[1])
            following = _NAME.search(text, quoted.end())
        else:
            following = _NAME.search(text, start)
            value = text[start : following.start() if following else len(text)].rstrip(" ,;\t|")
        found.setdefault(name[1], value)
        name = following
    return found
