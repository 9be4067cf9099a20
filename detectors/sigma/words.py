"""A rule's words for people (`jikimi:`), held to their shapes when the rule is loaded: a finding is no place to learn
that a sentence with a colon in it was read as a map."""

from typing import Any

from detectors.sigma.modifiers import Unsupported

SENTENCES = ("title_ko", "title_en")
LISTS = ("advice_ko", "advice_en")


def words_of(stated: Any) -> dict[str, Any]:
    """Raises Unsupported."""
    if not isinstance(stated, dict):
        raise Unsupported("jikimi: must be a map (title_ko, title_en, advice_ko, advice_en)", "jikimi:")
    for name in SENTENCES:
        if not isinstance(stated.get(name, ""), str):
            raise Unsupported(f"jikimi: {name} must be one sentence; {_QUOTES}", name)
    for name in LISTS:
        steps = stated.get(name, [])
        if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
            raise Unsupported(f"jikimi: {name} must be a list of sentences; {_QUOTES}", name)
    return stated


_QUOTES = "put a sentence with a colon or a number into quotes"
