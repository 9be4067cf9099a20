"""YAML 1.2's core schema, which Sigma is written in, on PyYAML's parser, which reads 1.1.

Without it `on` and `yes` are booleans, `12:30:45` is 45045, `0050` is 40 and `2026-01-02` a date: no rule means that.
Digits behind a leading zero stay text as they are written, which neither version has: rules mean ids by them.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"(?:[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
    "merge": re.compile(r"<<\Z"),
}
_PREFIXES = {"0o": 8, "0x": 16}


class Loader(Base):  # type: ignore[misc]
    """Safe, and strict: a key written twice would silently lose its first value."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        None: [(f"tag:yaml.org,2002:{kind}", pattern) for kind, pattern in _CORE.items()]
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Raises yaml.YAMLError for a key that stands twice, a merge key, and a key that is neither text nor number."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("a key is a list or a map, and must be text", key)
            if key.tag == "tag:yaml.org,2002:merge":
                raise _refused("a merge key (<<) is not YAML 1.2, which Sigma is written in", key)
            if key.tag == "tag:yaml.org,2002:str":
                if key.value in seen:
                    raise _refused(f"key {key.value!r} stands twice in one map", key)
                seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        if not all(isinstance(key, str | int | float | None) for key in mapping):
            raise _refused("a key is neither text nor number", node)
        return mapping

    def construct_int(self, node: yaml.ScalarNode) -> int:
        """Decimal, or with `0o` and `0x`."""
        text = str(self.construct_scalar(node))
        try:
            return int(text, _PREFIXES.get(text[:2], 10))
        except ValueError as error:  # tagged !!int by hand, or more digits than Python reads
            raise _refused(f"{text[:20]!r} is no whole number", node) from error


def _refused(why: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, why, node.start_mark)


Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_int)
