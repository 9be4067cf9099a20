"""The documents of rule files with their own words (title, id, tags), which a compiled rule no longer carries."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from detectors.sigma.identity import known_as
from detectors.sigma.rule_collection import rules_of
from detectors.sigma.source import Source, sources

Progress = Callable[[str, int, int], None]
"""Told (what is being done, how much of it is done, of how much); a total of 0 is not known."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress nobody watches."""


class Document(msgspec.Struct, frozen=True):
    """One YAML document that is a rule, a correlation or a filter, and the file it stands in."""

    source: Source
    content: dict[str, Any]
    begin: int

    @property
    def title(self) -> str:
        return str(self.content.get("title", ""))

    @property
    def rule_id(self) -> str:
        """The id of the rule that is loaded from it."""
        return known_as(self.content.get("id"), self.content.get("name"), self.content.get("title"))

    def line_of(self, near: str = "") -> int:
        """The line that says `near` in this document, else its title's."""
        return self.source.line_of(near, self.source.line_of(self.title, self.begin))


def documents_in(paths: Sequence[Path], progress: Progress = silent) -> list[Document]:
    """What can be read of the rule files at or below `paths`; the loader reports what cannot.

    A collection (`action: global`) gives the rules it stands for. Raises Misconfigured for a path that is not there.
    """
    files = list(sources(paths))
    found: list[Document] = []
    for number, source in enumerate(files, 1):
        found += _documents_of(source)
        progress("reading", number, len(files))
    return found


def _documents_of(source: Source) -> Iterator[Document]:
    try:
        documents = source.documents()
    except Exception:  # whatever YAML trips over: the loader refuses the file with file, line and reason
        return
    for found in rules_of([document for document in documents if document.content is not None]):
        if not isinstance(found, tuple):
            yield Document(source, found.content, found.line)
