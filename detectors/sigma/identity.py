"""A rule's `id` ("Rule identification"): a UUID is recommended but not mandatory, so any short text is one.

pySigma takes UUIDs only. References to a UUID find it however it is written.
"""

import hashlib
from typing import Any
from uuid import UUID

from detectors.sigma.modifiers import Unsupported

LONGEST = 64
"""Characters: findings, counters and quarantine are kept under it."""


def id_of(content: dict[str, Any]) -> str | None:
    """The document's id, or None when it has none. Raises `Unsupported` for what cannot be one."""
    stated = content.get("id")
    if stated is None:
        return None
    text = str(stated) if isinstance(stated, int) and not isinstance(stated, bool) else stated
    if not isinstance(text, str) or not text or len(text) > LONGEST or not text.isprintable():
        raise Unsupported(f"the id must be a text of 1 to {LONGEST} printable characters, best a UUID", "id:")
    return as_id(text)


def as_id(text: str) -> str:
    """A UUID in its usual form, anything else as it is."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def known_as(identifier: Any, name: Any, title: Any) -> str:
    """What a rule is known as: its id, or without one a digest of what it calls itself."""
    return as_id(str(identifier)) if identifier else hashlib.sha256(f"{name}\x1f{title}".encode()).hexdigest()[:32]
