"""What a command line names: files, and folders of them; and how a file is opened."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from collectors.files.lines import Peekable
from jikimi.errors import Misconfigured

SUFFIXES = (".evtx", ".json", ".jsonl", ".ndjson", ".log", ".pcap", ".pcapng", ".cap", ".zip", ".gz")
_SYSTEM_LOGS = ("auth", "syslog", "messages", "secure", "cron", "maillog", "page_log", "access_log", "error_log")
_ROTATED = re.compile(r"(?:[.-]\d{1,8})+$")


def input_files(named: Sequence[Path]) -> list[Path]:
    """Files as named, folders as the event files below them, by name.

    Raises Misconfigured for a folder without any, and for one that cannot be looked into.
    """
    files: list[Path] = []
    for path in named:
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a folder above may not be entered
            files.append(path)
            continue
        inside = sorted(p for p in files_below(path) if _is_of_events(p.name.lower()))
        if not inside:
            raise Misconfigured(f"{path}: no event file in this folder ({', '.join(SUFFIXES)})")
        files += inside
    return files


def _is_of_events(name: str) -> bool:
    """By its ending, also of a rotated log (`audit.log.3`, `access.log-20261122`) or a system log without any."""
    name = _ROTATED.sub("", name)
    return name.endswith(SUFFIXES) or name in _SYSTEM_LOGS


def files_below(folder: Path) -> Iterator[Path]:
    """Every regular file at any depth. Raises Misconfigured for a folder that cannot be read: rglob would skip it."""
    for place, _, names in os.walk(folder, onerror=_unreadable):
        yield from (file for name in names if (file := Path(place, name)).is_file())


def _unreadable(error: OSError) -> None:
    raise Misconfigured(f"{error.filename}: cannot be looked into ({error.strerror})") from error


def open_file(path: Path) -> Peekable:
    """Raises Misconfigured with one sentence when it cannot be opened."""
    try:
        return path.open("rb")
    except IsADirectoryError:
        raise Misconfigured(f"{path}: a folder; name the files in it") from None
    except FileNotFoundError:
        raise Misconfigured(f"{path}: no such file") from None
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be opened ({error.strerror})") from error
