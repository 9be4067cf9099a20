"""What the rules of one class ask of an event."""

from collections.abc import Iterable, Mapping, Sequence

from detectors.sigma.fields import fields_asked
from detectors.sigma.rows import is_readable
from detectors.sigma.tree import Node, leaves
from jikimi.domain.event import TIMESTAMP


class Asked:
    """Of these trees; `others` are further names of the event by which it has a field (`route.names_of`).

    A row has no value of a field in `apart`.
    """

    def __init__(self, trees: Sequence[Node], others: Mapping[str, Sequence[str]], apart: str | None) -> None:
        self.by_rule = [{field for test in leaves(tree) for field in fields_asked(test)} for tree in trees]
        fields = {field: (field, *others.get(field, ())) for field in sorted(set().union(*self.by_rule))}
        self.unknown = {
            field
            for field, names in fields.items()
            if field == TIMESTAMP or apart in names or not all(map(is_readable, names))
        }
        """Fields of which a row cannot tell the value."""
        self.names = {field: names for field, names in fields.items() if field not in self.unknown}
        """Of the others, the names in the event that it may come from."""
        self.tellable = [
            not asked & self.unknown and all(test.field is not None for test in leaves(tree))
            for asked, tree in zip(self.by_rule, trees, strict=True)
        ]
        """Of each rule: does it ask for nothing but fields that rows have?"""
        self.inner = any("." in field for field in fields)
        """Does a rule ask for a field of an object inside the event?"""

    def row_names(self, fields: Iterable[str]) -> list[str]:
        """The names in the event from which the values of these fields come."""
        return list(dict.fromkeys(name for field in fields for name in self.names[field]))
