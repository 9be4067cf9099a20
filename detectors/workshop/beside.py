"""What belongs to a rule and lies in another file: the rules that a correlation or filter names, the filters on a rule.

Whoever tests one file means it as it will run, so these are found beside it.

Looked through are the folder a path lies in, then the folder above it with its folders, so that one file of
`rules/<story>/` finds what it names in the same story first, then in the others.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from detectors.sigma.correlation_condition import names_in
from detectors.sigma.filters import ANY_RULE
from detectors.sigma.identity import as_id
from detectors.workshop.documents import Document, documents_in

_ENDINGS = (".yml", ".yaml")


def named_beside(paths: Sequence[Path]) -> list[Path]:
    """Files, not among `paths`, that hold what those at or below `paths` need: the nearest of each name, and filters.

    A name that is found nowhere is left to the loader, which refuses the rule. Raises Misconfigured for a path that is
    not there.
    """
    documents = documents_in(paths)
    found: list[Path] = []
    while missing := _named(documents) - _known(documents):
        nearest = _nearest(missing, paths, found)
        if nearest is None:
            break
        file, more = nearest
        found.append(file)
        documents += more
    given = {Path(document.source.file).resolve() for document in documents}
    return found + list(
        _filters_on(_known(documents), [file for file in _candidates(paths) if file.resolve() not in given])
    )


def _filters_on(names: set[str], files: Sequence[Path]) -> Iterator[Path]:
    """The files with a filter that names one of these rules."""
    for file in dict.fromkeys(files):
        if _says(file, [b"filter:"]) and any(_of_section(one, "filter") & names for one in documents_in([file])):
            yield file


def _nearest(names: set[str], paths: Sequence[Path], found: Sequence[Path]) -> tuple[Path, list[Document]] | None:
    """The first file that holds one of the names, with its documents."""
    spelled = [name.encode() for name in names]
    for file in _candidates(paths):
        if file not in found and _says(file, spelled) and _known(documents := documents_in([file])) & names:
            return file, documents
    return None


def _candidates(paths: Sequence[Path]) -> Iterator[Path]:
    """Rule files near `paths`, the nearest first."""
    folders = [path if path.is_dir() else path.parent for path in paths]
    for folder in folders:
        yield from _rule_files(folder.glob("*"))
    for folder in folders:
        above = folder.resolve().parent
        yield from _rule_files(above.glob("*"))
        yield from _rule_files(above.glob("*/*"))


def _rule_files(places: Iterable[Path]) -> list[Path]:
    return sorted(place for place in places if place.suffix in _ENDINGS and place.is_file())


def _says(file: Path, names: list[bytes]) -> bool:
    try:
        text = file.read_bytes().lower()
    except OSError:
        return False  # of another who lets nobody read it: no rule of this set
    return any(name.lower() in text for name in names)


def _named(documents: Iterable[Document]) -> set[str]:
    """Ids and names that correlations and filters speak of."""
    return {name for one in documents for section in ("correlation", "filter") for name in _of_section(one, section)}


def _of_section(document: Document, section: str) -> set[str]:
    stated = document.content.get(section)
    if not isinstance(stated, dict):
        return set()
    named = _texts(stated.get("rules"))
    if section == "correlation" and isinstance(words := stated.get("condition"), str):
        named += names_in(words)
    return {as_id(name) for name in named} - {ANY_RULE}


def _known(documents: Iterable[Document]) -> set[str]:
    return {name for one in documents for name in (one.rule_id, *_texts(one.content.get("name")))}


def _texts(stated: Any) -> list[str]:
    return [one for one in (stated if isinstance(stated, list) else [stated]) if isinstance(one, str)]
