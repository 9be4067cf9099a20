"""Where the built bundle's files are: names carry a hash of their content, the manifest says which is which."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import orjson

from jikimi.errors import Misconfigured

DIST = Path(__file__).resolve().parent / "dist"
PREFIX = "/assets/"


class Entry(NamedTuple):
    """Addresses of one entry's script and styles."""

    script: str
    styles: tuple[str, ...]


@cache
def entry(name: str) -> Entry:
    """`console` or `pages`. Raises Misconfigured when the console was not built."""
    manifest = DIST / "manifest.json"
    if not manifest.is_file():
        raise Misconfigured("the console is not built; run `make console` (or reinstall without JIKIMI_NO_CONSOLE)")
    found = orjson.loads(manifest.read_bytes())
    chunk = next(item for item in found.values() if item.get("isEntry") and item.get("name") == name)
    return Entry(PREFIX + chunk["file"], tuple(PREFIX + style for style in _styles(found, chunk)))


def _styles(found: dict[str, dict[str, list[str]]], chunk: dict[str, list[str]]) -> list[str]:
    shared = [style for key in chunk.get("imports", ()) for style in _styles(found, found[key])]
    return [*shared, *chunk.get("css", ())]
