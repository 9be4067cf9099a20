"""What tracefs says of a tracepoint."""

import pytest

from collectors.sources.tracefs import parse

FORMAT = """name: sched_process_exec
ID: 365
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;
\tfield:const void * skaddr;\toffset:12;\tsize:8;\tsigned:0;
\tfield:__u8 saddr_v6[16];\toffset:40;\tsize:16;\tsigned:0;

print fmt: "filename=%s pid=%d", __get_str(filename), REC->pid
"""


def test_number_and_offsets_are_read_whatever_the_type() -> None:
    point = parse(FORMAT)
    assert point.id == 365
    assert point.offsets == {"common_type": 0, "common_pid": 4, "filename": 8, "skaddr": 12, "saddr_v6": 40}


def test_a_text_that_is_no_format_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="does not know"):
        parse("nothing")
