"""Writes `known_fields.txt`: `python -m detectors.workshop.learn_fields RULES… < events.ndjson`.

RULES are folders of reviewed rules (a checkout of SigmaHQ). Events come as lines `{"logsource": …, "event": …}`, which
is what `jikimi detect` prints; there may be none. Names stay that only the table of before knew.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import orjson

from detectors.sigma.load import load_rules
from detectors.workshop import fields
from jikimi.domain import windows
from jikimi.domain.logsource import LogSource

_HEAD = "# Field names by log source; written by detectors/workshop/learn_fields.py. Names are parted by tabs.\n"


def learn(rules: Iterable[Path], lines: Iterable[bytes]) -> dict[LogSource, set[str]]:
    """The names by log source, with those that are known already."""
    found: dict[LogSource, set[str]] = defaultdict(set)
    for source, names in fields.public_fields().items():
        found[source] |= names
    for rule in load_rules(list(rules))[0].rules:
        if rule.logsource != LogSource() and rule.logsource.product != "jikimi":
            found[rule.logsource] |= fields.asked(rule)
    for line in lines:
        event = orjson.loads(line)["event"]
        channel, number = windows.channel_of(event), windows.id_of(event)
        if channel is None or number is None:
            continue
        carried = {name for name in event if "\t" not in name and not name.startswith("@")}
        for category in windows.categories_of(channel, number):
            found[LogSource("windows", category)] |= carried
        if service := windows.service_of(channel):
            found[LogSource("windows", None, service)] |= carried
    return found


def written(found: dict[LogSource, set[str]]) -> str:
    """The file's text."""
    rows = (f"{source}: " + "\t".join(sorted(names)) + "\n" for source, names in found.items() if names)
    return _HEAD + "".join(sorted(rows))


if __name__ == "__main__":
    path = Path(fields.__file__).with_name("known_fields.txt")
    path.write_text(written(learn(map(Path, sys.argv[1:]), sys.stdin.buffer)), encoding="utf-8")
