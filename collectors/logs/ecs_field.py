"""A value of an ECS document, whose names are nested objects, or dots, or some of both."""

from typing import Any

from jikimi.domain.event import Event


def field(document: Event, path: str) -> Any:
    """The value at a path whose steps are objects or dots; a list of one is its item (Kibana). None without."""
    value: Any = document.get(path)
    if value is None and "." in path:
        head, _, tail = path.partition(".")
        while tail and value is None:
            inner = document.get(head)
            value = field(inner, tail) if isinstance(inner, dict) else None
            step, _, tail = tail.partition(".")
            head = f"{head}.{step}"
    return value[0] if isinstance(value, list) and len(value) == 1 else value
