"""Text files: whatever decodes, in the encodings that Korean offices have."""

import re

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_TAG = re.compile(r"<[^<>]{1,2000}>")
_LICENCE = re.compile(r"copyright|licen[sc]e|저작권", re.IGNORECASE)
_FIRST_COMMENT = re.compile(r"\A(?:#![^\n]*\n)?\s*(?:/\*.*?\*/|(?:(?://|#|--|%|;)[^\n]*\n\s*)+|<!--.*?-->)", re.DOTALL)


def decoded(raw: bytes) -> str | None:
    """The text, or None for what is none: bytes 0 in the middle, or too many that no encoding explains."""
    for bom, name in _BOMS:
        if raw.startswith(bom):
            return raw.decode(name, "ignore")
    if b"\0" in raw[:65536]:
        return None
    for name in ("utf-8", "cp949"):
        text = raw.decode(name, "ignore")
        if len(text.encode(name, "ignore")) >= len(raw) * 0.99:
            return text
    return None


def plain(text: str) -> str:
    """Without the tags of HTML and XML, and without a licence at the top: thousands of files share that."""
    head = _FIRST_COMMENT.match(text[:20_000])
    if head and _LICENCE.search(head[0]):
        text = text[head.end() :]
    return _TAG.sub(" ", text) if text.lstrip()[:1] == "<" else text
