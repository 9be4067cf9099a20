"""What a command line names: files, and folders of them."""

from collections.abc import Sequence
from pathlib import Path

from jikimi.errors import Misconfigured

SUFFIXES = (".evtx", ".json", ".jsonl", ".ndjson", ".log", ".pcap", ".pcapng", ".cap", ".zip", ".gz")


def input_files(named: Sequence[Path]) -> list[Path]:
    """Files as named, folders as the event files below them, by name. Raises Misconfigured for a folder without any."""
    files: list[Path] = []
    for path in named:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not inside:
            raise Misconfigured(f"{path}: no event file in this folder ({', '.join(SUFFIXES)})")
        files += inside
    return files
