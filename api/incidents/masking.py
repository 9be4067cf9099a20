"""A contact's address as colleagues may see it in passing: enough to recognise, too little to use."""

import re

_TOKEN = re.compile(r"/k/[A-Za-z0-9_-]{8,}")


def mask_link(text: str) -> str:
    """A message without the token of its answer link: only the client may answer."""
    return _TOKEN.sub("/k/…", text)


def mask_mail(address: str) -> str:
    """`minsu.kim@example.com` → `mi***@example.com`."""
    name, _, domain = address.partition("@")
    return f"{name[:2]}***@{domain}" if domain else ""


def mask_phone(number: str) -> str:
    """`010-1234-5678` → `010-****-5678`, whatever separators it was written with."""
    digits = "".join(character for character in number if character.isdigit())
    return f"{digits[:3]}-****-{digits[-4:]}" if len(digits) >= 8 else "****" if digits else ""
