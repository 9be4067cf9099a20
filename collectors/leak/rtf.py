"""Text of RTF, as word processors offer it beside their own formats (Microsoft, RTF specification 1.9.1)."""

import re

_UNICODE = re.compile(r"\\u(-?\d+) ?(?:\\'[0-9a-fA-F]{2}|\?)?")
_BYTES = re.compile(r"(?:\\'[0-9a-fA-F]{2}[\r\n]*)+")
_BREAK = re.compile(r"\\(?:par|line|tab|cell|row|sect|page)\b ?")
_CONTROL = re.compile(r"\\[a-zA-Z]+-?\d* ?|\\[^a-zA-Z]|[{}\r\n]")


def is_rtf(text: str) -> bool:
    return text.startswith("{\\rtf")


def rtf_text(text: str) -> str:
    """The words, and a few of the header's (names of fonts), which every file of the program has."""
    text = _UNICODE.sub(lambda found: chr(int(found[1]) & 0xFFFF), text)
    text = _BYTES.sub(lambda found: bytes.fromhex(re.sub(r"[\\'\s]", "", found[0])).decode("cp949", "ignore"), text)
    return _CONTROL.sub("", _BREAK.sub(" ", text))
