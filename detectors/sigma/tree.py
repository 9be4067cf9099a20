"""A rule's condition as a tree of tests: what the rule says once pySigma has applied modifiers and selectors.

Leaves test one field (`field=None`: a keyword, any value of the event); `All`, `AnyOf` and `Not` join them. The trees
are frozen and hashable, so that equal tests of many rules are made once, and they are what the cache keeps on disk. No
tree can hold itself, so the garbage collector need not walk through hundreds of thousands of them (`gc=False`).
"""

from typing import Literal, TypeAlias

import msgspec

ANY = 0
"""In a pattern: any run of characters, also none (`*`)."""
ONE = 1
"""In a pattern: exactly one character (`?`)."""
Pattern: TypeAlias = tuple[str | int, ...]
"""Literal parts, ANY and ONE, as a whole: `("*\\\\cmd.exe")` is `(ANY, "\\\\cmd.exe")`."""

TimePart = Literal["minute", "hour", "day", "week", "month", "year"]
Order = Literal["lt", "lte", "gt", "gte"]


class Text(msgspec.Struct, frozen=True, gc=False, tag="text"):
    """The value as text fits the whole pattern; numbers and booleans are texts too (`42`, `true`)."""

    field: str | None
    pattern: Pattern
    cased: bool = False


class Regex(msgspec.Struct, frozen=True, gc=False, tag="re"):
    """The pattern (RE2 syntax, flags inline) is found somewhere in the value."""

    field: str | None
    pattern: str


class Cidr(msgspec.Struct, frozen=True, gc=False, tag="cidr"):
    """The value is an address of the network (IPv4 or IPv6)."""

    field: str
    network: str


class Compare(msgspec.Struct, frozen=True, gc=False, tag="compare"):
    """The value, or a part of it read as a time, is a number in this order to `number`."""

    field: str
    order: Order
    number: int | float
    part: TimePart | None = None


class Part(msgspec.Struct, frozen=True, gc=False, tag="part"):
    """A part of the value, read as a time, equals `number`."""

    field: str
    part: TimePart
    number: int | float


class Null(msgspec.Struct, frozen=True, gc=False, tag="null"):
    """The field is missing, null or an empty list."""

    field: str


class Exists(msgspec.Struct, frozen=True, gc=False, tag="exists"):
    """The event has the field, whatever its value."""

    field: str


class FieldRef(msgspec.Struct, frozen=True, gc=False, tag="fieldref"):
    """A value of `field` equals, starts with, ends with or contains a value of `other`; case does not count."""

    field: str
    other: str
    how: Literal["equals", "startswith", "endswith", "contains"] = "equals"


class All(msgspec.Struct, frozen=True, gc=False, tag="all"):
    """Every item holds; without items: always true."""

    items: "tuple[Node, ...]"


class AnyOf(msgspec.Struct, frozen=True, gc=False, tag="any"):
    """At least one item holds; without items: never true."""

    items: "tuple[Node, ...]"


class Not(msgspec.Struct, frozen=True, gc=False, tag="not"):
    """The item does not hold."""

    item: "Node"


Test: TypeAlias = Text | Regex | Cidr | Compare | Part | Null | Exists | FieldRef
Node: TypeAlias = Text | Regex | Cidr | Compare | Part | Null | Exists | FieldRef | All | AnyOf | Not

TRUE = All(())
FALSE = AnyOf(())


def all_of(items: "tuple[Node, ...]") -> Node:
    """`All`, flattened and simplified."""
    flat: list[Node] = []
    for item in items:
        if item == FALSE:
            return FALSE
        flat.extend(item.items if isinstance(item, All) else (item,))
    flat = list(dict.fromkeys(flat))
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def any_of(items: "tuple[Node, ...]") -> Node:
    """`AnyOf`, flattened and simplified."""
    flat: list[Node] = []
    for item in items:
        if item == TRUE:
            return TRUE
        flat.extend(item.items if isinstance(item, AnyOf) else (item,))
    flat = list(dict.fromkeys(flat))
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))


def negate(item: Node) -> Node:
    """`Not`, simplified."""
    if item == TRUE:
        return FALSE
    if item == FALSE:
        return TRUE
    return item.item if isinstance(item, Not) else Not(item)


def depth(node: Node) -> int:
    """How deep the tree is nested; a test alone is 1."""
    if isinstance(node, All | AnyOf):
        return 1 + max(map(depth, node.items), default=0)
    return 1 + depth(node.item) if isinstance(node, Not) else 1


def leaves(node: Node) -> "list[Test]":
    """Every test of the tree, in order, repeated as often as it stands there."""
    if isinstance(node, All | AnyOf):
        return [leaf for item in node.items for leaf in leaves(item)]
    if isinstance(node, Not):
        return leaves(node.item)
    return [node]
