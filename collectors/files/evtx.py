"""Windows event log files (.evtx), read by pyevtx-rs; damaged records and chunks are counted and passed over.

pyevtx-rs passes over a damaged chunk without a word, so the file's own account of its chunks and records is held
against what it gave.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson
from evtx import PyEvtxParser

from collectors.files.evtx_account import Account, account_of
from collectors.files.evtx_header import reheaded
from collectors.files.problems import Problems
from jikimi.errors import Misconfigured

_MOST_FAULTS = 100_000
_OF_A_CHUNK = "Failed to parse chunk"
"""How pyevtx-rs begins what it says of a whole chunk, also of one that was never written to."""


def evtx_records(source: Path | IO[bytes], place: str, problems: Problems) -> Iterator[dict[str, Any]]:
    """Each record as pyevtx-rs gives it: `{"Event": {"System": …, "EventData": …}}`.

    Raises Misconfigured when neither the file's own header nor a chunk behind it can be read.
    """
    account = _account_of(source, place)
    try:
        records = _records(str(source) if isinstance(source, Path) else source)
    except (RuntimeError, OSError, ValueError) as error:
        problems.broken(place, f"its header is damaged, what lies behind it was read without ({_sentence(error)})")
        try:
            records = _records(reheaded(source))
        except (RuntimeError, OSError, ValueError) as again:
            raise Misconfigured(f"{place}: damaged, its header cannot be read ({_sentence(again)})") from again
    seen = damaged = faults = 0
    while faults < _MOST_FAULTS:
        try:
            record = next(records)
        except StopIteration:
            break
        except (RuntimeError, OSError, ValueError) as error:
            faults += 1
            if _OF_A_CHUNK not in str(error):  # those the account below counts, record by record
                damaged += 1
                problems.lost(place, f"damaged record ({_sentence(error)})")
            continue
        seen += 1
        try:
            yield orjson.loads(record["data"])
        except orjson.JSONDecodeError:
            problems.lost(f"{place} record {record.get('event_record_id')}", "its content is not readable")
    _compare(account, seen + damaged, place, problems)


def _records(source: str | IO[bytes]) -> Iterator[Any]:
    return iter(PyEvtxParser(source, 1).records_json())


def _compare(account: Account, told: int, place: str, problems: Problems) -> None:
    if account.missing_chunks > 0:
        problems.broken(place, f"cut short: {account.missing_chunks} chunks of 64 KiB are missing at its end")
    if account.damaged_chunks:
        problems.broken(place, f"{account.damaged_chunks} damaged chunks of 64 KiB could not be read")
    if account.altered_chunks:
        problems.note(
            f"{place}: {account.altered_chunks} chunks of 64 KiB are not what their checksums say: "
            "values in their records may have been altered"
        )
    if account.uncounted_chunks and told >= account.records:
        problems.broken(place, f"{account.uncounted_chunks} chunks of 64 KiB do not say how many records they hold")
    if (silent := account.records - told) > 0:
        problems.lost(place, f"{silent} records of damaged chunks could not be read", silent)


def _account_of(source: Path | IO[bytes], place: str) -> Account:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return account_of(file, place)
    account = account_of(source, place)
    source.seek(0)
    return account


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
