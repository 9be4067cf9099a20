"""Rules that say the same thing twice: the same tests under the same log source, in whatever order they are written."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from detectors.sigma.rule import Rule
from detectors.sigma.tree import All, AnyOf, Node, Not
from detectors.workshop.documents import Document
from detectors.workshop.remark import Remark

_encode = msgspec.msgpack.Encoder().encode


def remarks_of_duplicates(rules: Sequence[Rule], documents: Mapping[str, Document]) -> Iterator[Remark]:
    """A remark on every rule that means what one before it means; titles are pySigma's remark, ids the loader's."""
    first: dict[bytes, Rule] = {}
    for rule in rules:
        other = first.setdefault(meaning(rule), rule)
        if other is not rule and (document := documents.get(rule.id)) is not None:
            text = f"means the same as {other.title!r} in {other.file}: same log source, same tests"
            yield Remark(rule.title, rule.file, document.line_of("detection:"), "duplicate", text)


def meaning(rule: Rule) -> bytes:
    """Equal for two rules exactly when they hold for the same events by the same tests, whatever their order."""
    return _encode((rule.logsource, _ordered(rule.condition), rule.correlation))


def _ordered(node: Node) -> bytes:
    if isinstance(node, All | AnyOf):
        return _encode((type(node).__name__, sorted(map(_ordered, node.items))))
    if isinstance(node, Not):
        return _encode(("Not", _ordered(node.item)))
    return _encode(node)
