"""A rule file: its documents and its lines, so that a refusal can point at one."""

import codecs
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from detectors.sigma.report import Refusal
from detectors.sigma.yaml_loader import Base, Loader
from jikimi.errors import Misconfigured

_DEEP = 200
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_INDENTED = re.compile(rf"^[ \-?:]{{{_DEEP}}}", re.MULTILINE)


class Document(msgspec.Struct, frozen=True):
    """One YAML document and the line (from 1) it begins at."""

    line: int
    content: Any


class Source(msgspec.Struct, frozen=True):
    """One file's name and bytes."""

    file: str
    data: bytes

    def documents(self) -> list[Document]:
        """The YAML documents. Raises `yaml.YAMLError`, also for no UTF-8, or ValueError when nested too deeply."""
        _check_depth(_text_of(self.data))
        return [Document(node.start_mark.line + 1, loader.construct_document(node)) for loader, node in self.nodes()]

    def line_of(self, near: str, begin: int = 1) -> int:
        """The first line (from 1) from `begin` on that says `near`; `begin` when none does."""
        lines = self.data.decode("utf-8-sig", errors="replace").splitlines()[begin - 1 :] if near else []
        return next((begin + n for n, line in enumerate(lines) if near in line), begin)

    def line_at(self, paths: Iterable[Sequence[str | int]], begin: int) -> int | None:
        """The line of the first of `paths` that is written in the document that begins at that line; None without."""
        document = _nodes_by_line(self).get(begin)
        return next((line for path in paths if (line := _line_of(document, path)) is not None), None)

    def nodes(self) -> Iterator[tuple[Loader, yaml.Node]]:
        """The documents before they are values, each with the loader that can make it one."""
        loader = Loader(self.data.decode("utf-8-sig"))
        try:
            while loader.check_node():
                yield loader, loader.get_node()
        finally:
            loader.dispose()

    def refusal(self, title: str, reason: str, near: str = "", begin: int = 1) -> Refusal:
        """Of the rule whose document begins at that line."""
        line = self.line_of(near, begin)
        return Refusal(title, self.file, line if line != begin else self.line_of(title, begin), reason)


@lru_cache(maxsize=1)
def _nodes_by_line(source: Source) -> dict[int, yaml.Node]:
    """Kept for the next refusal: of a file of thousands of faulty rules, each has a line."""
    return {node.start_mark.line + 1: node for _, node in source.nodes()}


def _line_of(node: yaml.Node | None, path: Sequence[str | int]) -> int | None:
    line = None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
            if found is None:
                return None
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return None
    return line


def _text_of(data: bytes) -> str:
    if data.startswith(_UTF16_MARKS) or b"\x00" in data[:4]:
        raise yaml.MarkedYAMLError(problem="the file is UTF-16 or UTF-32 text; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start)
        mark = yaml.Mark("", error.start, line, 0, None, 0)
        raise yaml.MarkedYAMLError(
            problem="a byte that is not UTF-8; save the file as UTF-8", problem_mark=mark
        ) from error


def _check_depth(text: str) -> None:
    """Raises ValueError before libyaml, which is recursive in C, would exhaust the stack and kill the process."""
    if text.count("[") + text.count("{") < _DEEP and not _INDENTED.search(text):
        return  # too few brackets, too little indentation to be deep
    depth = 0
    for event in yaml.parse(text, Loader=Base):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEP:
            raise ValueError(f"nested more than {_DEEP} deep")


def _rule_files(folder: Path) -> Iterator[Path]:
    """Raises Misconfigured for a folder that cannot be read: rglob would leave its rules out without a word."""
    for place, _, names in os.walk(folder, onerror=_unreadable):
        yield from (Path(place, name) for name in names if name.endswith((".yml", ".yaml")))


def _unreadable(error: OSError) -> None:
    raise Misconfigured(f"rules: {error.filename} cannot be read ({error.strerror}).") from error


def sources(paths: Sequence[Path]) -> Iterator[Source]:
    """Every `.yml` and `.yaml` file at or below `paths`, each once, in order of name.

    Raises Misconfigured for a path that does not exist or a file that cannot be read.
    """
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise Misconfigured(f"rules: {path} does not exist; name a rule file or a folder of rule files.")
        inside = sorted(_rule_files(path)) if path.is_dir() else [path]
        for file in inside:
            if not file.is_file():  # a broken link, a pipe: told as a file without a rule
                yield Source(str(file), b"")
            elif (real := file.resolve()) not in seen:
                seen.add(real)
                try:
                    yield Source(str(file), file.read_bytes())
                except OSError as error:
                    raise Misconfigured(f"rules: {file} cannot be read ({error.strerror}).") from error
