"""DNS questions."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from collectors.flows.dns import question

HEAD = struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0)


def test_the_name_and_type_asked_for_are_found() -> None:
    assert question(HEAD + b"\x03www\x07example\x03com\x00\x00\x1c\x00\x01") == ("www.example.com", "AAAA")
    assert question(HEAD + b"\x03www\x07example\x03com\x00\xff\x23\x00\x01") == ("www.example.com", "TYPE65315")


def test_an_answer_is_no_question() -> None:
    assert question(b"\x00\x01\x81\x80" + HEAD[4:] + b"\x01a\x00\x00\x01\x00\x01") is None


@given(st.binary(max_size=60))
def test_any_bytes_are_answered_without_an_exception(rest: bytes) -> None:
    question(HEAD + rest)
    question(rest)
