import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.files import Problems, read_events
from collectors.files.evtx_account import Account, account_of
from jikimi.errors import Misconfigured
from tests.collectors.files.evtx_file import CHUNK, evtx_file

WHOLE = evtx_file([(1, 98), (99, 196), (197, 250)])
SECOND = 4096 + CHUNK


def _account(content: bytes) -> Account:
    return account_of(io.BytesIO(content), "in.evtx")


def test_a_sound_log_holds_the_records_its_chunks_name() -> None:
    assert _account(WHOLE) == Account(
        records=250, damaged_chunks=0, missing_chunks=0, altered_chunks=0, uncounted_chunks=0
    )


def test_room_that_was_never_written_to_is_no_damage() -> None:
    assert _account(WHOLE + bytes(3 * CHUNK)) == _account(WHOLE)


@pytest.mark.parametrize("chunk", [0, 1, 2])
@pytest.mark.parametrize("filling", [b"\0", b"\xff"])
def test_records_of_an_overwritten_chunk_are_counted_by_the_numbers_left_out(chunk: int, filling: bytes) -> None:
    start = 4096 + chunk * CHUNK
    content = WHOLE[:start] + filling * CHUNK + WHOLE[start + CHUNK :]
    assert _account(content) == Account(
        records=250, damaged_chunks=1, missing_chunks=0, altered_chunks=0, uncounted_chunks=0
    )


def test_chunks_that_changed_places_lose_nothing() -> None:
    swapped = WHOLE[:4096] + WHOLE[SECOND : SECOND + CHUNK] + WHOLE[4096:SECOND] + WHOLE[SECOND + CHUNK :]
    assert _account(swapped) == _account(WHOLE)


def test_records_that_were_cut_off_are_counted() -> None:
    assert _account(WHOLE[:SECOND]) == Account(
        records=250, damaged_chunks=0, missing_chunks=2, altered_chunks=0, uncounted_chunks=0
    )


@pytest.mark.parametrize("number", [0, 99, 2099, 2**64 - 1])
def test_numbers_that_are_not_what_the_checksum_says_count_nothing(number: int) -> None:
    wrong = WHOLE[: SECOND + 16] + number.to_bytes(8, "little") + WHOLE[SECOND + 24 :]
    assert _account(wrong) == _account(WHOLE)._replace(altered_chunks=1)


def test_a_header_that_is_not_what_its_checksum_says_makes_no_chunk_missing() -> None:
    wrong = WHOLE[:42] + b"\xff\xff" + WHOLE[44:]
    assert _account(wrong) == _account(WHOLE)


def test_a_chunk_whose_content_is_not_what_its_checksum_says_is_told() -> None:
    altered = bytearray(WHOLE)
    altered[SECOND + 200] ^= 1
    assert _account(bytes(altered)) == _account(WHOLE)._replace(altered_chunks=1)


def test_a_log_copied_while_windows_wrote_to_it_is_not_called_altered() -> None:
    altered = bytearray(evtx_file([(1, 98)], in_use=True))
    altered[4096 + 200] ^= 1
    assert _account(bytes(altered)).altered_chunks == 0


def test_a_chunk_whose_records_nothing_tells_the_number_of_is_told() -> None:
    wrong = WHOLE[:42] + b"\xff" + WHOLE[43 : 4096 + 20] + b"\xff" + WHOLE[4096 + 21 : SECOND]
    assert _account(wrong).uncounted_chunks == 1


@pytest.mark.parametrize("content", [b"", WHOLE[:127], WHOLE[:38] + b"\x09" + WHOLE[39:4096]])
def test_a_header_that_is_none_is_a_sentence(content: bytes) -> None:
    with pytest.raises(Misconfigured, match=r"in\.evtx: damaged, its header"):
        _account(content)


@given(at=st.integers(0, 127), value=st.integers(0, 255))
def test_whatever_one_byte_of_the_header_is_the_records_behind_it_are_accounted_for(at: int, value: int) -> None:
    content = WHOLE[:at] + bytes([value]) + WHOLE[at + 1 :]
    assert _account(content).records == 250


@pytest.mark.parametrize("at", [0, 7, 32, 38, 40, 42, 124])
def test_a_file_with_a_damaged_header_is_read_on_behind_it(tmp_path: Path, at: int) -> None:
    (tmp_path / "in.evtx").write_bytes(WHOLE[:at] + b"\xff" + WHOLE[at + 1 :])
    problems = Problems()
    assert list(read_events(tmp_path / "in.evtx", problems=problems)) == []
    assert problems.unreadable == 250
