"""Windows event log files (.evtx), read by pyevtx-rs; damaged records and chunks are counted and passed over."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson
from evtx import PyEvtxParser

from collectors.files.problems import Problems
from jikimi.errors import Misconfigured


def evtx_records(source: Path | IO[bytes], place: str, problems: Problems) -> Iterator[dict[str, Any]]:
    """Each record as pyevtx-rs gives it: `{"Event": {"System": …, "EventData": …}}`.

    Raises Misconfigured when the file's own header cannot be read.
    """
    try:
        parser = PyEvtxParser(str(source) if isinstance(source, Path) else source, 1)
        records: Iterator[Any] = iter(parser.records_json())
    except (RuntimeError, OSError, ValueError) as error:
        raise Misconfigured(f"{place}: damaged, its header cannot be read ({_sentence(error)})") from error
    faults = 0
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError) as error:
            faults += 1
            problems.lost(place, f"damaged record or chunk ({_sentence(error)})")
            if faults > 100_000:
                problems.broken(place, "more than 100,000 damaged records: gave up")
                return
            continue
        try:
            yield orjson.loads(record["data"])
        except orjson.JSONDecodeError:
            problems.lost(f"{place} record {record.get('event_record_id')}", "its content is not readable")


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
