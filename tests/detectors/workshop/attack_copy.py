"""A local copy of MITRE's data in its form, with as few techniques as a test needs."""

import json
from pathlib import Path


def write_attack(file: Path, **techniques: tuple[str, str]) -> Path:
    """`T1566=("Phishing", "initial-access")`, as enterprise-attack.json would say it."""
    objects = [
        {
            "type": "attack-pattern",
            "name": name,
            "external_references": [{"source_name": "mitre-attack", "external_id": technique}],
            "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": tactic}],
        }
        for technique, (name, tactic) in techniques.items()
    ]
    file.write_text(json.dumps({"objects": objects}), encoding="utf-8")
    return file
