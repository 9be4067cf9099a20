"""A source's small memory over restarts: one JSON file, replaced whole."""

from pathlib import Path
from typing import Any

import orjson


class Memory:
    """`save` skips the disk when nothing changed; an unreadable file reads as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: bytes | None = None

    def load(self) -> dict[str, Any]:
        try:
            content = orjson.loads(self._path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return content if isinstance(content, dict) else {}

    def save(self, content: dict[str, Any]) -> None:
        """Raises OSError when the state folder cannot be written."""
        raw = orjson.dumps(content)
        if raw == self._last:
            return
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(raw)
        fresh.replace(self._path)
        self._last = raw
