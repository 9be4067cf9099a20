"""Base64 undone: mail attachments, and files dressed up as text (RFC 4648, RFC 2045)."""

import base64
import binascii
import re
from collections.abc import Iterator

_RUN = re.compile(rb"(?:[A-Za-z0-9+/]{40,}={0,2}[ \t]*\r?\n?){1,}[A-Za-z0-9+/]*={0,2}")
LEAST = 512


def encoded_runs(raw: bytes) -> Iterator[bytes]:
    """What each long run of base64 in `raw` stands for."""
    for run in _RUN.finditer(raw):
        packed = re.sub(rb"\s", b"", run[0])
        if len(packed) < LEAST:
            continue
        try:
            yield base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
