"""Coverage as a layer of MITRE's ATT&CK Navigator (layer format 4.5): its score is the number of rules that can see."""

from typing import Any

from detectors.workshop.coverage import Coverage, Technique

_NONE, _MOST, _BLIND = "#ffffff", "#2f6fde", "#d9d9d9"


def layer(covered: Coverage, name: str) -> dict[str, Any]:
    """The layer's JSON. A technique scores the same under each of its tactics, so none is named."""
    found: dict[str, Technique] = {each.id: each for tactic in covered.tactics for each in tactic.techniques}
    shown = [each for each in found.values() if each.rules or each.blind]
    return {
        "name": name,
        "versions": {"layer": "4.5", "navigator": "5.1.0"},
        "domain": "enterprise-attack",
        "description": f"{covered.seeing} of {covered.rules} rules see a log source that is delivered here.",
        "techniques": [_technique(each) for each in sorted(shown, key=lambda each: each.id)],
        "gradient": {
            "colors": [_NONE, _MOST],
            "minValue": 0,
            "maxValue": max((each.rules for each in shown), default=1) or 1,
        },
        "legendItems": [{"label": "only rules that are blind here", "color": _BLIND}],
        "sorting": 3,
        "hideDisabled": False,
    }


def _technique(each: Technique) -> dict[str, Any]:
    comment = f"{each.rules} rules" + (
        f", {each.blind} more are blind: no source of theirs is delivered" * bool(each.blind)
    )
    told: dict[str, Any] = {"techniqueID": each.id, "score": each.rules, "comment": comment}
    if not each.rules:
        told["color"] = _BLIND
    return told
