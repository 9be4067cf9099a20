"""A rule file: its documents and its lines, so that a refusal can point at one."""

import os
import re
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from detectors.sigma.report import Refusal
from jikimi.errors import Misconfigured

_DEEP = 200
_INDENTED = re.compile(rf"^[ \-?:]{{{_DEEP}}}", re.MULTILINE)
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Safe, and strict: a key written twice would silently lose its first value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:str":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} stands twice in one map", key.start_mark
                    )
                seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


class Source(msgspec.Struct, frozen=True):
    """One file's name and bytes."""

    file: str
    data: bytes

    def documents(self) -> list[Any]:
        """The YAML documents. Raises ValueError-like `yaml.YAMLError` or UnicodeDecodeError."""
        text = self.data.decode("utf-8-sig")
        _check_depth(text)
        loader = _Loader(text)
        try:
            found = []
            while loader.check_data():
                found.append(loader.get_data())
            return found
        finally:
            loader.dispose()

    def line_of(self, title: str, near: str = "") -> int:
        """The line (from 1) that says `near` in the rule with this title; else the title's; else 1."""
        lines = self.data.decode("utf-8-sig", errors="replace").splitlines()
        start = next((i for i, line in enumerate(lines) if title and title in line), 0)
        found = next((i for i in range(start, len(lines)) if near and near in lines[i]), start)
        return found + 1

    def refusal(self, title: str, reason: str, near: str = "") -> Refusal:
        title = str(title or "")  # a rule that is refused may have a title of any type
        return Refusal(title, self.file, self.line_of(title, near), reason)


def _check_depth(text: str) -> None:
    """Raises ValueError before libyaml, which is recursive in C, would exhaust the stack and kill the process."""
    if text.count("[") + text.count("{") < _DEEP and not _INDENTED.search(text):
        return  # too few brackets, too little indentation to be deep
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
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
            if file.is_file() and (real := file.resolve()) not in seen:
                seen.add(real)
                try:
                    yield Source(str(file), file.read_bytes())
                except OSError as error:
                    raise Misconfigured(f"rules: {file} cannot be read ({error.strerror}).") from error
