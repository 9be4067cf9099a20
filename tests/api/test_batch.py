"""Laws of taking a body apart, for any bytes; and the canonical form of one event."""

import json
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.batch import Upload, batches_after, decompressed, parse
from api.canonical import MAX_DEPTH, canonical_event
from api.errors import ApiError
from jikimi.domain.event import MAX_EVENT_BYTES, Envelope, event_time
from jikimi.domain.logsource import FILE_ACCESS
from jikimi.errors import Poison
from tests.api.running_centre import NOW, Agent, body, event

AGENT = Agent("a", "t", "d", "secret")
STAMP = b'{"@timestamp":"2026-11-22T02:12:59Z"'

text = st.text(st.characters(codec="utf-8"), max_size=20)
good = st.builds(lambda n, words: event(n, text=words), st.integers(-(2**63), 2**63 - 1), text)
bad = st.binary(max_size=40).filter(lambda raw: b"\n" not in raw and b"@timestamp" not in raw)
lines = st.lists(st.one_of(good, bad), max_size=12)


def upload_of(given_lines: list[bytes], first_seq: int = 0) -> Upload:
    return parse(body(AGENT, given_lines, first_seq=first_seq), max_events=100)


def refusal_of(raw: bytes, *, compressed: bool) -> ApiError | None:
    try:
        parse(decompressed(raw, 1000) if compressed else raw, max_events=10)
    except ApiError as refusal:
        return refusal
    return None


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_a_batch_or_a_refusal_in_words(raw: bytes, compressed: bool) -> None:
    refusal = refusal_of(raw, compressed=compressed)
    assert refusal is None or (refusal.status in (400, 413) and refusal.sentence)


@given(st.binary(max_size=200))
def test_any_line_is_an_event_with_a_time_or_a_reason(line: bytes) -> None:
    try:
        encoded = canonical_event(line)
    except Poison:
        return
    assert event_time(orjson.loads(encoded)).tzinfo is not None


@given(lines, st.integers(0, 2**40), st.integers(-3, 15))
def test_what_lies_beyond_the_mark_is_stored_under_its_own_number_or_rejected(
    given_lines: list[bytes], first_seq: int, beyond: int
) -> None:
    upload = upload_of(given_lines, first_seq)
    mark = first_seq + beyond - 1
    stored: dict[int, bytes] = {}
    for batch in batches_after(upload, mark, upload.envelope):
        kept = list(batch.lines())
        assert batch.envelope.count == len(kept) > 0
        assert batch.block == b"".join(line + b"\n" for line in kept)
        stored |= dict(enumerate(kept, batch.envelope.first_seq))
    rejected = {reject.seq: reject.raw for reject in upload.rejected}
    for seq, line in enumerate(given_lines, first_seq):
        if b"@timestamp" not in line:
            assert rejected[seq] == line
            assert seq not in stored
        else:
            assert seq not in rejected
            assert stored.get(seq) == (line if seq > mark else None)
    assert len(stored) + len(rejected) == len(given_lines) - sum(
        1 for seq in range(first_seq, min(mark, first_seq + len(given_lines) - 1) + 1) if seq not in rejected
    )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(text, json_values, max_size=6), st.booleans(), st.sampled_from([None, 1]))
def test_however_an_event_is_written_its_canonical_bytes_are_the_same(
    fields: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    said = {**fields, "@timestamp": "2026-11-22T02:12:59Z"}
    written = json.dumps(said, ensure_ascii=ascii_only, indent=indent).replace("\n", " ").encode()
    encoded = canonical_event(written)
    assert encoded == orjson.dumps(said)
    assert canonical_event(encoded) is encoded


@pytest.mark.parametrize(
    ("stamp", "written"),
    [
        ("2026-11-22T02:12:59Z", "2026-11-22T02:12:59Z"),
        ("2026-11-22T02:12:59.1234567Z", "2026-11-22T02:12:59.1234567Z"),
        ("2026-11-22T11:12:59+09:00", "2026-11-22T02:12:59.000000Z"),
        ("2026-11-22t02:12:59z", "2026-11-22T02:12:59.000000Z"),
        ("2031-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_kept_as_utc(stamp: str, written: str) -> None:
    """Also one that lies ahead: what happened when is not ours to change, and detectors clamp it."""
    assert orjson.loads(canonical_event(orjson.dumps({"@timestamp": stamp})))["@timestamp"] == written


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{}", "no @timestamp"),
        (b"[]", "an array"),
        (b'"x"', "a string"),
        (b"null", "null"),
        (b"12", "a number"),
        (b'{"@timestamp":12}', "RFC 3339"),
        (b'{"@timestamp":"2026-11-22"}', "RFC 3339"),
        (b'{"@timestamp":"2026-11-22T02:12:59"}', "RFC 3339"),
        (b'{"@timestamp":"2026-13-22T02:12:59Z"}', "not a time"),
        (b'{"@timestamp":"2026-W47-7T02:12:59Z"}', "RFC 3339"),
        (b'{"@timestamp":"0001-01-01T00:00:00+09:00"}', "outside the years"),
        (b'{"@timestamp":"9999-12-31T23:59:59-09:00"}', "outside the years"),
        (STAMP + b',"a":NaN}', "not JSON"),
        (STAMP + b',"a":1e999}', "not JSON"),
        (STAMP + b',"a":"\\ud800"}', "not JSON"),
        (STAMP + b',"a":"\xff"}', "not JSON"),
        (STAMP + b'}{"b":1}', "not JSON"),
        (STAMP + b',"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "deeper"),
        (STAMP + b',"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "JSON"),
        (STAMP + b',"a":"' + b"x" * MAX_EVENT_BYTES + b'"}', "bytes"),
    ],
)
def test_what_is_no_event_says_why(line: bytes, words: str) -> None:
    with pytest.raises(Poison, match=words):
        canonical_event(line)


def test_the_deepest_event_that_is_allowed_is_taken() -> None:
    inner = MAX_DEPTH - 1
    canonical_event(STAMP + b',"a":' + b"[" * inner + b"]" * inner + b"}")


def test_a_clean_batch_is_stored_without_a_copy_of_its_events() -> None:
    upload = upload_of([event(0), event(1)])
    (batch,) = batches_after(upload, -1, upload.envelope)
    assert batch.block is upload.block


def test_a_block_without_its_last_newline_is_stored_with_it() -> None:
    upload = parse(body(AGENT, [event(0)]).rstrip(b"\n"), max_events=10)
    (batch,) = batches_after(upload, -1, upload.envelope)
    assert batch.block == event(0) + b"\n"


def test_an_envelope_may_leave_out_what_the_centre_knows() -> None:
    bare = Envelope("a", "e", 0, 0, FILE_ACCESS, NOW)
    assert parse(msgspec.json.encode(bare), max_events=10).envelope == bare
