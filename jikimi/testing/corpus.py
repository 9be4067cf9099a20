"""Finds real telemetry and the public rule set where they are present; nothing here is needed to pass the tests.

The corpus root holds `samples/` (evtx, windows-ndjson, pcap) and `sigma/` (the public rule set).
"""

import os
from pathlib import Path


def corpus_root() -> Path | None:
    """$JIKIMI_CORPUS, else the first folder beside this checkout that holds both `samples` and `sigma`."""
    if named := os.environ.get("JIKIMI_CORPUS"):
        return Path(named)
    checkout = Path(__file__).resolve().parents[2]
    for folder in sorted(p for p in checkout.parent.iterdir() if p.is_dir()):
        if (folder / "samples").is_dir() and (folder / "sigma").is_dir():
            return folder
    return None
