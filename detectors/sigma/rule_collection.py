"""Rule collections: several documents in one file, and `action: global`, `reset` and `repeat` (Sigma rule collections).

`global` is laid under every following plain rule until `reset`; where both say something the global one wins, as in
pySigma. `repeat` is the rule before with what it states laid over it. Correlations and filters take nothing over.
"""

import copy
from collections.abc import Sequence
from typing import Any

from detectors.sigma.modifiers import Unsupported
from detectors.sigma.source import Document


def rules_of(documents: Sequence[Document]) -> list[Document | tuple[Document, Unsupported]]:
    """Each rule, correlation and filter as if it stood alone; a document that is none comes with the reason."""
    shared: dict[str, Any] = {}
    before: dict[str, Any] = {}
    found: list[Document | tuple[Document, Unsupported]] = []
    for document in documents:
        content = document.content
        if not isinstance(content, dict):
            found.append((document, Unsupported("not a rule: a YAML document of a rule file must be a map")))
            continue
        action = content.get("action")
        stated = {key: value for key, value in content.items() if key != "action"}
        if action is None and ("correlation" in content or "filter" in content):
            found.append(document)
        elif action is None:
            before = laid_over(stated, shared)
            found.append(Document(document.line, before))
        elif action == "global":
            shared = before = stated
        elif action == "reset":
            shared = {}
        elif action == "repeat":
            before = laid_over(before, stated)
            found.append(Document(document.line, before))
        else:
            reason = f"the action {action!r} is not known: global, reset or repeat"
            found.append((document, Unsupported(reason, "action:")))
    return found


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """A new map with both; maps are merged, anything else of `above` wins."""
    merged = copy.copy(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = laid_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
