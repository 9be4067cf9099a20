"""doc, xls and ppt: laid out as the specifications say, and as LibreOffice writes them."""

import contextlib
import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.leak.budget import Budget, Caps
from collectors.leak.excel97 import xls_text
from collectors.leak.pieces import pieces
from collectors.leak.powerpoint97 import ppt_text
from collectors.leak.shingles import text_shingles
from collectors.leak.word97 import doc_text
from tests.collectors.leak.made import text


class Streams:
    """An OLE file's streams by name."""

    def __init__(self, **streams: bytes) -> None:
        self._streams = {name.replace("_", " "): raw for name, raw in streams.items()}

    def exists(self, name: str) -> bool:
        return name in self._streams

    def openstream(self, name: str) -> io.BytesIO:
        return io.BytesIO(self._streams[name])


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _doc(narrow: str, wide: str, flags: int = 0x0200) -> tuple[bytes, Streams]:
    """Two pieces: one byte a letter, two bytes a letter; the second comes first in the file."""
    first = 0x600
    second = first + 2 * len(wide)
    places = (second * 2 | 1 << 30, first)
    ends = (0, len(narrow), len(narrow) + len(wide))
    plc = struct.pack("<3I", *ends) + b"".join(struct.pack("<HIH", 0, place, 0) for place in places)
    clx = b"\x01\x04\x00abcd" + b"\x02" + struct.pack("<I", len(plc)) + plc
    head = bytearray(first)
    struct.pack_into("<H", head, 0x0A, flags)
    struct.pack_into("<II", head, 0x01A2, 7, len(clx))
    return bytes(head) + wide.encode("utf-16-le") + narrow.encode("cp1252"), Streams(**{"1Table": b"before." + clx})


def test_a_doc_is_read_in_the_order_of_its_pieces() -> None:
    raw, streams = _doc("drawing No. 7 – ", "신제품 설계")
    assert doc_text(streams, raw, Budget(Caps())) == "drawing No. 7 – 신제품 설계"


def _xls(strings: list[str], cut: int) -> bytes:
    """A table of wide texts that runs on into a second record after `cut` letters of the first one."""
    whole = [struct.pack("<HB", len(one), 1) + one.encode("utf-16-le") for one in strings]
    at = 3 + 2 * cut
    rest = whole[0][at:] + b"".join(whole[1:])
    split = _record(0x00FC, struct.pack("<II", 9, len(strings)) + whole[0][:at]) + _record(0x003C, b"\x01" + rest)
    cells = [_record(0x00FD, struct.pack("<HHHI", row, 0, 0, row)) for row in reversed(range(len(strings)))]
    rk = _record(0x027E, struct.pack("<HHHI", 9, 0, 0, 1234 << 2 | 2 | 1))
    number = _record(0x0203, struct.pack("<HHHd", 9, 1, 0, 2.5))
    return split + b"".join(cells) + rk + number


@pytest.mark.parametrize("cut", [0, 1])
def test_an_xls_is_read_cell_by_cell_though_its_texts_run_over_records(cut: int) -> None:
    raw = _xls(["온도", "압력", "kg"], cut)
    assert xls_text(Streams(), raw, Budget(Caps())) == "kg 압력 온도 12.34 2.5"


def _atom(kind: int, data: bytes, version: int = 0) -> bytes:
    return struct.pack("<HHI", version, kind, len(data)) + data


def test_a_ppt_is_read_through_its_containers() -> None:
    texts = _atom(4000, "공정 개요".encode("utf-16-le")) + _atom(3999, b"skip") + _atom(4008, b"step one")
    raw = _atom(1000, _atom(1006, texts, 0xF), 0xF)
    assert ppt_text(Streams(), raw, Budget(Caps())) == "공정 개요 step one"


def test_what_is_locked_is_said_to_be() -> None:
    budgets = [Budget(Caps()) for _ in range(3)]
    raw, streams = _doc("a", "b", 0x0100)
    user = Streams(Current_User=b"\0" * 12 + struct.pack("<I", 0xF3D1C4DF))
    assert doc_text(streams, raw, budgets[0]) == ""
    assert xls_text(Streams(), _record(0x002F, b"\0" * 6) + _xls(["a"], 0), budgets[1]) == ""
    assert ppt_text(user, b"", budgets[2]) == ""
    assert all(budget.locked for budget in budgets)


@given(st.integers(0, 2), st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8))
def test_damage_gives_a_text_or_an_error_that_is_told(which: int, at: int, put: bytes) -> None:
    raw, streams = _doc("drawing", "설계")
    read, content = (
        (doc_text, raw), (xls_text, _xls(["온도", "압력"], 1)), (ppt_text, _atom(4000, b"ab" * 9))
    )[which]  # fmt: skip
    at %= len(content)
    damaged = content[:at] + put + content[at + len(put) :]
    with contextlib.suppress(struct.error, IndexError, ValueError):
        assert isinstance(read(streams, damaged, Budget(Caps())), str)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
@pytest.mark.parametrize(("ending", "written"), [("doc", "MS Word 97"), ("xls", "MS Excel 97")])
def test_what_an_office_program_saves_is_known_again(tmp_path: Path, ending: str, written: str) -> None:
    words = [text(12, seed) for seed in range(60)]
    source = tmp_path / ("table.csv" if ending == "xls" else "memo.txt")
    source.write_text("\n".join(words), encoding="utf-8")
    infilter = "CSV:44,34,76" if ending == "xls" else "Text (encoded):UTF8"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", f"--infilter={infilter}",
         "--convert-to", f"{ending}:{written}", "--outdir", tmp_path, source],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    with source.with_suffix(f".{ending}").open("rb") as file:
        marks = frozenset().union(*(piece.marks for piece in pieces(file, Budget(Caps()))))
    known = text_shingles(" ".join(words))
    assert len(known & marks) > 0.9 * len(known)
