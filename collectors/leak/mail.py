"""Mail in a file (.eml, .mht): its parts as they were meant, out of base64 and quoted-printable (RFC 2045)."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message

_HEADER = re.compile(
    rb"\A(?:From [^\n]+\n)?(?:(?:[!-9;-~]+:[^\n]*|[ \t][^\n]*)\r?\n){0,200}?"
    rb"(?:mime-version|content-transfer-encoding|content-type|message-id):",
    re.IGNORECASE,
)
_MOST_PARTS = 1_000


def is_mail(raw: bytes) -> bool:
    """Whether it begins with a mail's headers."""
    return _HEADER.match(raw[:65536]) is not None


def mail_parts(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each part: an attachment byte for byte, a text in UTF-8."""
    for number, part in enumerate(message_from_bytes(raw, policy=policy.compat32).walk()):
        if number >= _MOST_PARTS:
            return
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and content:
            name = part.get_filename() or ""
            yield name or "(text)", content if name else _in_utf8(part, content)


def _in_utf8(part: Message, content: bytes) -> bytes:
    charset = part.get_content_charset("utf-8")
    if part.get_content_maintype() != "text" or charset in ("utf-8", "us-ascii"):
        return content
    try:
        return content.decode(charset, "replace").encode()
    except LookupError:
        return content
