"""Windows event log files (.evtx), read by pyevtx-rs; damaged records and chunks are counted and passed over.

pyevtx-rs passes over a damaged chunk without a word, so the file's own account of its chunks and records (libyal's
"Windows XML Event Log (EVTX) format", file header and chunk header) is held against what it gave.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson
from evtx import PyEvtxParser

from collectors.files.problems import Problems
from jikimi.errors import Misconfigured

_HEADER, _CHUNK = 4096, 65536
_MOST_FAULTS = 100_000


class _Account(NamedTuple):
    """What the headers say the file holds."""

    records: int
    damaged_chunks: int
    missing_chunks: int


def evtx_records(source: Path | IO[bytes], place: str, problems: Problems) -> Iterator[dict[str, Any]]:
    """Each record as pyevtx-rs gives it: `{"Event": {"System": …, "EventData": …}}`.

    Raises Misconfigured when the file's own header cannot be read.
    """
    account = _account_of(source, place)
    try:
        parser = PyEvtxParser(str(source) if isinstance(source, Path) else source, 1)
        records: Iterator[Any] = iter(parser.records_json())
    except (RuntimeError, OSError, ValueError) as error:
        raise Misconfigured(f"{place}: damaged, its header cannot be read ({_sentence(error)})") from error
    seen = faults = 0
    while faults < _MOST_FAULTS:
        try:
            record = next(records)
        except StopIteration:
            break
        except (RuntimeError, OSError, ValueError) as error:
            faults += 1
            problems.lost(place, f"damaged record or chunk ({_sentence(error)})")
            continue
        seen += 1
        try:
            yield orjson.loads(record["data"])
        except orjson.JSONDecodeError:
            problems.lost(f"{place} record {record.get('event_record_id')}", "its content is not readable")
    _compare(account, seen + faults, place, problems)


def _compare(account: _Account, told: int, place: str, problems: Problems) -> None:
    if account.missing_chunks > 0:
        problems.broken(place, f"cut short: {account.missing_chunks} chunks of 64 KiB are missing at its end")
    if account.damaged_chunks:
        problems.broken(place, f"{account.damaged_chunks} damaged chunks of 64 KiB could not be read")
    if (silent := account.records - told) > 0:
        problems.lost(place, f"{silent} records of damaged chunks could not be read", silent)


def _account_of(source: Path | IO[bytes], place: str) -> _Account:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return _read_headers(file, place)
    account = _read_headers(source, place)
    source.seek(0)
    return account


def _read_headers(file: IO[bytes], place: str) -> _Account:
    head = file.read(48)
    if len(head) < 48 or struct.unpack_from("<HH", head, 38) != (3, _HEADER):
        raise Misconfigured(f"{place}: damaged, its header is not that of a Windows event log")
    stated = struct.unpack_from("<H", head, 42)[0]
    records = damaged = chunks = 0
    while True:
        file.seek(_HEADER + chunks * _CHUNK)
        start = file.read(24)
        if len(start) < 24:
            break
        chunks += 1
        magic, first, last = struct.unpack("<8sQQ", start)
        if magic == b"ElfChnk\x00":
            records += last - first + 1 if 0 < first <= last < first + _CHUNK // 24 else 0
        elif start != bytes(24):
            damaged += 1
    whole = (file.seek(0, 2) - _HEADER) // _CHUNK
    return _Account(records, damaged, stated - max(whole, 0))


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
