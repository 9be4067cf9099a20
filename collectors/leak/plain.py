"""Text files: whatever decodes, in the encodings that Korean offices have."""

import re

from collectors.leak.licences import without_licence

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FEW = 500
"""One byte 0 in so many is dirt, more are a program's data."""
_TAG = re.compile(r"<[^<>]{1,2000}>")


def decoded(raw: bytes) -> str | None:
    """The text, or None for what is none: many bytes 0 in it, or bytes that no encoding explains. One byte 0 put into
    a text does not make it another thing."""
    for bom, name in _BOMS:
        if raw.startswith(bom):
            return raw.decode(name, "ignore")
    head = raw[:65536]
    if zeros := head.count(0):
        if wide := _two_bytes_a_letter(head, zeros):
            return raw.decode(wide, "ignore")
        if zeros * _FEW > len(head):
            return None
        raw = raw.replace(b"\0", b"")
    for name in ("utf-8", "cp949"):
        text = raw.decode(name, "ignore")
        if len(text.encode(name, "ignore")) >= len(raw) * 0.99:
            return text
    return None


def _two_bytes_a_letter(head: bytes, zeros: int) -> str:
    """UTF-16 without its mark: blanks, line ends and digits have their zeros on one side (가 on the other)."""
    first = head[::2].count(0)
    if zeros * 50 < len(head) or min(first, zeros - first) * 4 > zeros:
        return ""
    return "utf-16-be" if first * 2 > zeros else "utf-16-le"


def plain(text: str) -> str:
    """Without the tags of HTML and XML, and without a licence at the top: thousands of files share that."""
    text = without_licence(text)
    return _TAG.sub(" ", text) if text.lstrip()[:1] == "<" else text
