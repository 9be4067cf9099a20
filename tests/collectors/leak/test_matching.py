"""What is written outside, held against the protected documents: every disguise is found, nothing else is."""

import base64
import bz2
import contextlib
import gzip
import lzma
import random
import shutil
import sqlite3
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
import zstandard

from collectors.leak.asked import Answer, Examine, Gone, Register
from collectors.leak.budget import Caps
from collectors.leak.examiner import Examiner
from collectors.leak.registry import Registry
from tests.collectors.leak import made
from tests.collectors.leak.made import text

PLAN = text(6000, 1)
LEGAL = (
    "Permission is granted to copy, modify and distribute this software, provided that the notice above stands in all "
    "copies. It comes without warranty of any kind; nobody is liable for damages that arise from its use.\n"
)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = Registry(tmp_path / "index.db")
    yield opened
    opened.close()


@pytest.fixture
def examiner(registry: Registry) -> Examiner:
    return Examiner(registry, Caps())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made_here = tmp_path / "설계"
    made_here.mkdir()
    return made_here


@pytest.fixture
def plan(folder: Path, examiner: Examiner) -> Path:
    path = made.docx(folder / "신제품 계획.docx", PLAN[:20_000], PLAN[20_000:])
    assert examiner.answer(Register(bytes(path))).done == "registered"
    return path


@pytest.fixture
def drawing(folder: Path, examiner: Examiner) -> Path:
    path = folder / "도면-1.dwg"
    path.write_bytes(b"AC1032" + random.Random(7).randbytes(200_000))
    assert examiner.answer(Register(bytes(path))).done == "registered"
    return path


def seen(examiner: Examiner, path: Path) -> tuple[str, int, str]:
    """(kind, confidence, name of the document) of the best evidence."""
    answer = examiner.answer(Examine(bytes(path)))
    assert answer.done == "examined", answer
    best = answer.best
    return (best.kind, best.confidence, Path(best.document).name) if best else ("", 0, "")


def excerpt(count: int, start: int = 2000) -> str:
    return " ".join(PLAN.split()[start : start + count])


class TestCopies:
    def test_a_copy_under_another_name_is_the_same_document(
        self, examiner: Examiner, drawing: Path, tmp_path: Path
    ) -> None:
        shutil.copy(drawing, tmp_path / "휴가사진.jpg")
        assert seen(examiner, tmp_path / "휴가사진.jpg") == ("hash", 100, "도면-1.dwg")

    @pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
    def test_a_compressed_copy_is_unpacked(
        self, examiner: Examiner, drawing: Path, tmp_path: Path, pack: Callable[[bytes], bytes]
    ) -> None:
        (tmp_path / "x").write_bytes(pack(drawing.read_bytes()))
        assert seen(examiner, tmp_path / "x") == ("member", 98, "도면-1.dwg")

    def test_a_tar_of_zstandard_is_unpacked(self, examiner: Examiner, drawing: Path, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "x.tar", "w") as archive:
            archive.add(drawing, "a.bin")
        (tmp_path / "x.tar.zst").write_bytes(zstandard.compress((tmp_path / "x.tar").read_bytes()))
        assert seen(examiner, tmp_path / "x.tar.zst") == ("member", 98, "도면-1.dwg")

    def test_a_zip_behind_a_picture_is_opened(self, examiner: Examiner, drawing: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.write(drawing, "a.bin")
        picture = b"\xff\xd8\xff" + random.Random(3).randbytes(9000)
        (tmp_path / "x.jpg").write_bytes(picture + (tmp_path / "x.zip").read_bytes())
        assert seen(examiner, tmp_path / "x.jpg") == ("member", 98, "도면-1.dwg")

    @pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
    def test_korean_names_in_a_zip_are_told_as_they_were_meant(
        self, examiner: Examiner, drawing: Path, tmp_path: Path, encoding: str
    ) -> None:
        """zip on Linux and the folders of Korean Windows both leave out the flag that says so."""
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.write(drawing, "x" * len("설계/도면.dwg".encode(encoding)))
        raw = (tmp_path / "x.zip").read_bytes()
        name = "설계/도면.dwg".encode(encoding)
        (tmp_path / "x.zip").write_bytes(raw.replace(b"x" * len(name), name))
        answer = examiner.answer(Examine(bytes(tmp_path / "x.zip")))
        assert answer.best is not None
        assert answer.best.member == "설계/도면.dwg"

    @pytest.mark.parametrize(("charset", "transfer"), [("utf-8", "quoted-printable"), ("euc-kr", "base64")])
    def test_a_mail_is_read_as_it_was_meant(
        self, examiner: Examiner, plan: Path, tmp_path: Path, charset: str, transfer: str
    ) -> None:
        """Its text out of quoted-printable or base64, its attachment byte for byte."""
        mail = EmailMessage()
        mail["Subject"], mail["From"] = "점심", "kim@example.com"
        mail.set_content(excerpt(1000), charset=charset, cte=transfer)
        (tmp_path / "초안.eml").write_bytes(mail.as_bytes())
        assert seen(examiner, tmp_path / "초안.eml") == ("text", 95, plan.name)
        mail.add_attachment(plan.read_bytes(), maintype="application", subtype="octet-stream", filename="a.bin")
        (tmp_path / "초안.eml").write_bytes(mail.as_bytes())
        assert seen(examiner, tmp_path / "초안.eml") == ("member", 98, plan.name)

    def test_base64_is_undone(self, examiner: Examiner, drawing: Path, tmp_path: Path) -> None:
        (tmp_path / "memo.txt").write_bytes(b"Subject: lunch\n\n" + base64.encodebytes(drawing.read_bytes()))
        assert seen(examiner, tmp_path / "memo.txt") == ("member", 98, "도면-1.dwg")

    def test_a_zip_in_a_tar_gz_names_where_it_lies(self, examiner: Examiner, drawing: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "in.zip", "w") as inner:
            inner.write(drawing, "a/b.bin")
        with tarfile.open(tmp_path / "out.tar.gz", "w:gz") as outer:
            outer.add(tmp_path / "in.zip", "in.zip")
        answer = examiner.answer(Examine(bytes(tmp_path / "out.tar.gz")))
        assert answer.best is not None
        assert (answer.best.kind, answer.best.member) == ("member", "in.zip/a/b.bin")

    def test_a_zip_of_many_documents_names_them_all(self, examiner: Examiner, folder: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for number in range(30):
                path = folder / f"{number}.dwg"
                path.write_bytes(random.Random(number).randbytes(5000))
                examiner.answer(Register(bytes(path)))
                archive.write(path, path.name)
        answer = examiner.answer(Examine(bytes(tmp_path / "all.zip")))
        assert len(answer.documents) == 30

    @pytest.mark.skipif(not shutil.which("zip"), reason="no zip here")
    def test_a_zip_with_a_password_is_known_by_its_directory(
        self, examiner: Examiner, drawing: Path, tmp_path: Path
    ) -> None:
        subprocess.run(["zip", "-qj", "-P", "secret", tmp_path / "x.zip", drawing], check=True)
        assert seen(examiner, tmp_path / "x.zip") == ("encrypted_member", 97, "도면-1.dwg")

    @pytest.mark.skipif(not shutil.which("7z"), reason="no 7z here")
    @pytest.mark.parametrize(
        ("name", "how", "expected"),
        [
            ("x.zip", ["-tzip", "-mem=AES256", "-psecret"], ("encrypted_member", 85)),
            ("x.7z", ["-psecret"], ("encrypted_member", 97)),
            ("x.7z", [], ("member", 97)),
        ],
    )
    def test_what_7z_locks_is_known_by_its_directory(
        self, examiner: Examiner, drawing: Path, tmp_path: Path, name: str, how: list[str], expected: tuple[str, int]
    ) -> None:
        (tmp_path / "other.txt").write_text("x" * 100)
        command: list[str | Path] = ["7z", "a", "-bd", *how, tmp_path / name, drawing, tmp_path / "other.txt"]
        subprocess.run(command, check=True, capture_output=True)
        kind, confidence, document = seen(examiner, tmp_path / name)
        assert (kind, document) == (expected[0], "도면-1.dwg")
        assert confidence >= expected[1]

    @pytest.mark.skipif(not shutil.which("7z"), reason="no 7z here")
    @pytest.mark.parametrize(("size", "expected"), [(900, ("", 0)), (9000, ("encrypted_member", 55))])
    def test_of_a_size_alone_only_an_uncommon_one_says_something(
        self, examiner: Examiner, folder: Path, tmp_path: Path, size: int, expected: tuple[str, int]
    ) -> None:
        (folder / "a.dwg").write_bytes(random.Random(1).randbytes(size))
        examiner.answer(Register(bytes(folder / "a.dwg")))
        (tmp_path / "other.bin").write_bytes(random.Random(2).randbytes(size))
        command: list[str | Path] = ["7z", "a", "-bd", "-tzip", "-mem=AES256", "-psecret", tmp_path / "x.zip"]
        subprocess.run([*command, tmp_path / "other.bin"], check=True, capture_output=True)
        assert seen(examiner, tmp_path / "x.zip")[:2] == expected

    @pytest.mark.skipif(not shutil.which("7z"), reason="no 7z here")
    def test_a_7z_that_hides_its_names_is_told_as_not_examined(
        self, examiner: Examiner, drawing: Path, tmp_path: Path
    ) -> None:
        command: list[str | Path] = ["7z", "a", "-bd", "-psecret", "-mhe=on", tmp_path / "x.7z", drawing]
        subprocess.run(command, check=True, capture_output=True)
        assert seen(examiner, tmp_path / "x.7z")[0] == "not_examined"

    def test_a_document_that_was_deleted_yesterday_is_still_known(
        self, examiner: Examiner, drawing: Path, tmp_path: Path
    ) -> None:
        shutil.move(drawing, tmp_path / "x")
        examiner.answer(Gone([bytes(drawing.parent)]))
        assert seen(examiner, tmp_path / "x") == ("hash", 100, "도면-1.dwg")


class TestText:
    def test_an_excerpt_of_1000_words_in_another_document(self, examiner: Examiner, plan: Path, tmp_path: Path) -> None:
        made.docx(tmp_path / "report.docx", text(2000, 50), excerpt(1000), text(2000, 51))
        answer = examiner.answer(Examine(bytes(tmp_path / "report.docx")))
        assert answer.best is not None
        assert (answer.best.kind, answer.best.document) == ("text", str(plan))
        assert answer.best.confidence >= 88
        assert answer.best.share is not None
        assert 10 <= answer.best.share <= 24, "1,000 of 6,000 words"

    def test_an_edited_document(self, examiner: Examiner, plan: Path, tmp_path: Path) -> None:
        edited = PLAN.split()
        for at in range(0, len(edited), 40):
            edited[at] = "고쳤음"
        made.docx(tmp_path / "v2.docx", " ".join(edited))
        kind, confidence, _ = seen(examiner, tmp_path / "v2.docx")
        assert (kind, confidence) == ("text", 95)

    @pytest.mark.parametrize(
        "write",
        [
            made.docx,
            made.pptx,
            made.xlsx,
            made.hwp,
            made.hwpx,
            made.rtf,
            partial(made.rtf, by_code_page=True),
            lambda path, said: path.write_text(said) and path,
        ],
        ids=["docx", "pptx", "xlsx", "hwp", "hwpx", "rtf", "rtf of a code page", "txt"],
    )
    def test_text_is_found_whatever_format_it_was_carried_into(
        self, examiner: Examiner, plan: Path, tmp_path: Path, write: Callable[[Path, str], Path]
    ) -> None:
        write(tmp_path / "x", text(300, 60) + " " + excerpt(1000))
        assert seen(examiner, tmp_path / "x")[0] == "text"

    @pytest.mark.parametrize("write", [made.pptx, made.xlsx, made.hwp, made.hwpx], ids=["pptx", "xlsx", "hwp", "hwpx"])
    def test_text_of_every_format_is_registered(
        self, examiner: Examiner, folder: Path, tmp_path: Path, write: Callable[[Path, str], Path]
    ) -> None:
        examiner.answer(Register(bytes(write(folder / "x", PLAN))))
        (tmp_path / "x.txt").write_text(excerpt(400))
        assert seen(examiner, tmp_path / "x.txt")[0] == "text"

    def test_a_sheet_is_known_when_it_was_saved_as_csv_or_pasted(
        self, examiner: Examiner, folder: Path, tmp_path: Path
    ) -> None:
        dice = random.Random(5)
        rows = [[f"AX-{dice.randint(10000, 99999)}", text(2, 500 + n), str(dice.randint(1, 99999))] for n in range(300)]
        examiner.answer(Register(bytes(made.sheet(folder / "단가.xlsx", rows))))
        (tmp_path / "x.csv").write_text("\n".join(",".join(row) for row in rows))
        made.docx(tmp_path / "x.docx", *(" ".join(row) for row in rows[100:200]))
        assert seen(examiner, tmp_path / "x.csv") == ("text", 95, "단가.xlsx")
        assert seen(examiner, tmp_path / "x.docx")[0] == "text"

    def test_text_whose_spaces_were_lost_on_the_way_through_a_pdf(
        self, examiner: Examiner, plan: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "x.txt").write_text(excerpt(600).replace(" ", ""))
        assert seen(examiner, tmp_path / "x.txt")[0] == "text"

    def test_what_is_locked_is_told_apart_from_what_is_only_damaged(
        self, examiner: Examiner, plan: Path, tmp_path: Path
    ) -> None:
        """Damage is no encryption: who wrote it did not hide anything."""
        locked = made.compound({"EncryptedPackage": b"x" * 5000, "EncryptionInfo": b"y" * 5000})
        (tmp_path / "locked").write_bytes(locked)
        (tmp_path / "damaged").write_bytes(plan.read_bytes()[:5000])
        assert examiner.answer(Examine(bytes(tmp_path / "locked"))).encrypted
        damaged = examiner.answer(Examine(bytes(tmp_path / "damaged")))
        assert not damaged.encrypted
        assert damaged.best is not None
        assert damaged.best.kind == "not_examined"

    @pytest.mark.skipif(not shutil.which("zip"), reason="no zip here")
    def test_a_locked_zip_of_something_unknown_is_unreadable(self, examiner: Examiner, tmp_path: Path) -> None:
        (tmp_path / "a.tar").write_bytes(b"x" * 5000)
        subprocess.run(["zip", "-qj", "-P", "secret", tmp_path / "x.zip", tmp_path / "a.tar"], check=True)
        assert examiner.answer(Examine(bytes(tmp_path / "x.zip"))).encrypted

    def test_documents_with_a_password_are_not_passed_over(
        self, examiner: Examiner, plan: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "x.docx").write_bytes(
            made.compound({"EncryptedPackage": b"x" * 5000, "EncryptionInfo": b"y" * 5000})
        )
        with zipfile.ZipFile(tmp_path / "x.odt", "w") as archive:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
            archive.writestr("content.xml", random.Random(1).randbytes(5000))
            archive.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
        for name in ("x.docx", "x.odt"):
            assert seen(examiner, tmp_path / name)[0] == "not_examined"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
    def test_a_text_with_a_byte_0_in_it_or_without_a_mark_is_a_text(
        self, examiner: Examiner, plan: Path, tmp_path: Path, encoding: str
    ) -> None:
        dirt = b"\0" if encoding == "utf-8" else b""
        (tmp_path / "x").write_bytes(dirt + excerpt(600).encode(encoding))
        assert seen(examiner, tmp_path / "x")[0] == "text"

    def test_text_of_a_pdf(self, examiner: Examiner, folder: Path, tmp_path: Path) -> None:
        english = [f"{random.Random(n).getrandbits(40):x}" for n in range(1500)]
        pages = [" ".join(english[at : at + 250]) for at in range(0, 1500, 250)]
        examiner.answer(Register(bytes(made.pdf(folder / "x.pdf", *pages))))
        (tmp_path / "x.txt").write_text(" ".join(english[100:900]))
        assert seen(examiner, tmp_path / "x.txt")[0] == "text"

    def test_source_code_in_the_old_korean_encoding(self, examiner: Examiner, folder: Path, tmp_path: Path) -> None:
        code = "\n".join(f"int 값{w} = 계산({n}, {w});" for n, w in enumerate(PLAN.split()[:800]))
        (folder / "x.c").write_bytes(code.encode("cp949", "ignore"))
        examiner.answer(Register(bytes(folder / "x.c")))
        (tmp_path / "y.c").write_text("\n".join(code.splitlines()[100:500]))
        assert seen(examiner, tmp_path / "y.c")[0] == "text"


def _dxf(seed: int, count: int) -> str:
    dice = random.Random(seed)
    head = "0\nSECTION\n2\nHEADER\n9\n$ACADVER\n1\nAC1027\n9\n$EXTMAX\n10\n1234.5678\n20\n8765.4321\n0\nENDSEC\n"
    lines = "".join(
        f"0\nLINE\n5\n{n:X}\n8\n0\n10\n{dice.uniform(0, 999):.4f}\n20\n{dice.uniform(0, 999):.4f}\n"
        f"11\n{dice.uniform(0, 999):.4f}\n21\n{dice.uniform(0, 999):.4f}\n"
        for n in range(count)
    )
    return head + f"0\nSECTION\n2\nENTITIES\n{lines}0\nENDSEC\n0\nEOF\n"


def _step(seed: int, count: int, first: int = 10) -> str:
    dice = random.Random(seed)
    body = "".join(
        f"#{first + n}=CARTESIAN_POINT('',({dice.uniform(0, 99):.5f},{dice.uniform(0, 99):.5f},0.));\n"
        f"#{first + 100_000 + n}=DIRECTION('',(0.,0.,1.));\n"
        for n in range(count)
    )
    section = "DATA;" if first == 10 else "DATA('two',('SCHEMA'));"
    return f"ISO-10303-21;\nHEADER;\nFILE_NAME('x','','','','','','');\nENDSEC;\n{section}\n{body}ENDSEC;\n"


def _iges(seed: int, count: int) -> str:
    dice = random.Random(seed)
    head = f"{'made for a test':<72}S      1\n"
    rows = (
        f"110,{dice.uniform(0, 99):.4f},{dice.uniform(0, 99):.4f},0.,{dice.uniform(0, 99):.4f};" for _ in range(count)
    )
    return head + "".join(f"{row:<64}{n * 2 + 1:8d}P{n + 1:7d}\n" for n, row in enumerate(rows))


@pytest.mark.parametrize("make", [_dxf, _step, _iges], ids=["dxf", "step", "iges"])
class TestDrawings:
    def test_part_of_a_drawing_in_another_is_found(
        self, examiner: Examiner, folder: Path, tmp_path: Path, make: Callable[[int, int], str]
    ) -> None:
        (folder / "x").write_text(make(1, 900))
        examiner.answer(Register(bytes(folder / "x")))
        (tmp_path / "y").write_text(make(1, 400))
        assert seen(examiner, tmp_path / "y")[0] == "text"

    def test_another_drawing_of_the_same_program_is_not(
        self, examiner: Examiner, folder: Path, tmp_path: Path, make: Callable[[int, int], str]
    ) -> None:
        (folder / "x").write_text(make(1, 900))
        examiner.answer(Register(bytes(folder / "x")))
        (tmp_path / "y").write_text(make(2, 900))
        assert seen(examiner, tmp_path / "y") == ("", 0, "")


def test_a_step_file_with_named_sections_and_other_numbers(examiner: Examiner, folder: Path, tmp_path: Path) -> None:
    """Edition 3 of ISO 10303-21; every program numbers its entities anew."""
    (folder / "x.step").write_text(_step(1, 900))
    examiner.answer(Register(bytes(folder / "x.step")))
    (tmp_path / "y.stp").write_text(_step(1, 400, first=700_000))
    assert seen(examiner, tmp_path / "y.stp")[0] == "text"


class TestNothing:
    def test_unrelated_documents_say_nothing(
        self, examiner: Examiner, plan: Path, drawing: Path, tmp_path: Path
    ) -> None:
        made.docx(tmp_path / "a.docx", text(5000, 99))
        (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff" + random.Random(3).randbytes(50_000))
        made.hwp(tmp_path / "c.hwp", text(3000, 98))
        with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
            archive.writestr("x", random.Random(4).randbytes(9000))
        for path in sorted(tmp_path.glob("?.*")):
            assert seen(examiner, path) == ("", 0, ""), path

    def test_empty_and_tiny_files_say_nothing(self, examiner: Examiner, folder: Path, tmp_path: Path) -> None:
        for name, content in (("empty", b""), ("tiny", b"ok\n")):
            (folder / name).write_bytes(content)
            examiner.answer(Register(bytes(folder / name)))
            (tmp_path / name).write_bytes(content)
            assert seen(examiner, tmp_path / name) == ("", 0, "")

    def test_what_stands_in_many_documents_of_the_company_proves_nothing(
        self, examiner: Examiner, folder: Path, tmp_path: Path
    ) -> None:
        """The company's contract form in 8 protected contracts, and a ninth contract on the stick."""
        form = text(600, 70)
        for number in range(8):
            examiner.answer(Register(bytes(made.docx(folder / f"{number}.docx", form, text(800, 100 + number)))))
        made.docx(tmp_path / "ninth.docx", form, text(800, 300))
        assert seen(examiner, tmp_path / "ninth.docx") == ("", 0, "")
        made.docx(tmp_path / "third.docx", form, text(800, 103))
        assert seen(examiner, tmp_path / "third.docx")[2] == "3.docx"

    def test_a_form_named_as_a_template_proves_nothing_at_once(
        self, examiner: Examiner, folder: Path, tmp_path: Path
    ) -> None:
        form = text(600, 70)
        examiner.answer(Register(bytes(made.docx(folder / "form.docx", form)), template=True))
        examiner.answer(Register(bytes(made.docx(folder / "0.docx", form, text(800, 100)))))
        made.docx(tmp_path / "other.docx", form, text(800, 300))
        assert seen(examiner, tmp_path / "other.docx") == ("", 0, "")

    def test_twelve_versions_of_one_document_do_not_make_it_boilerplate(
        self, examiner: Examiner, folder: Path, tmp_path: Path
    ) -> None:
        for number in range(12):
            examiner.answer(Register(bytes(made.docx(folder / f"v{number}.docx", PLAN, text(100, 400 + number)))))
        (tmp_path / "x.txt").write_text(excerpt(1000))
        assert seen(examiner, tmp_path / "x.txt")[:2] == ("text", 95)

    def test_a_licence_at_the_top_of_a_source_file_proves_nothing(
        self, examiner: Examiner, folder: Path, tmp_path: Path
    ) -> None:
        licence = "/* Copyright 2026 example.com\n * " + text(300, 80) + "\n */\n"
        (folder / "a.c").write_text(licence + "int main() { return 1; }\n")
        examiner.answer(Register(bytes(folder / "a.c")))
        (tmp_path / "b.c").write_text(licence + "void other(void) { }\n")
        assert seen(examiner, tmp_path / "b.c") == ("", 0, "")

    def test_nor_does_one_further_down_or_in_a_file_of_its_own(
        self, examiner: Examiner, folder: Path, tmp_path: Path
    ) -> None:
        licence = "Copyright 2026 example.com\n" + LEGAL * 12 + "\n"
        comment = "".join(f"# {line}\n" for line in licence.splitlines())
        (folder / "a.py").write_text(f'"""What it does."""\n\n{comment}\nx = 1\n')
        (folder / "LICENSE").write_text(licence)
        for name in ("a.py", "LICENSE"):
            examiner.answer(Register(bytes(folder / name)))
        (tmp_path / "b.py").write_text(comment + "def other(): pass\n")
        shutil.copy(folder / "LICENSE", tmp_path / "COPYING")
        for name in ("b.py", "COPYING"):
            assert seen(examiner, tmp_path / name) == ("", 0, ""), name

    def test_a_document_that_only_calls_itself_a_licence_stays_protected(
        self, examiner: Examiner, folder: Path, tmp_path: Path
    ) -> None:
        (folder / "LICENSE.txt").write_text(f"Copyright 2026 example.com\n\n{PLAN}")
        (folder / "license.dwg").write_bytes(b"AC1032 copyright" + random.Random(1).randbytes(5000))
        for name in ("LICENSE.txt", "license.dwg"):
            examiner.answer(Register(bytes(folder / name)))
            shutil.copy(folder / name, tmp_path / "x")
            assert seen(examiner, tmp_path / "x")[0] == "hash"


class TestIndex:
    def test_fingerprints_of_an_earlier_version_are_made_anew(self, tmp_path: Path) -> None:
        """They would know no copy, and nobody would notice."""
        Registry(tmp_path / "index.db").close()
        with contextlib.closing(sqlite3.connect(tmp_path / "index.db")) as db:
            db.execute("PRAGMA user_version = 1")
        with contextlib.closing(Registry(tmp_path / "index.db")) as registry:
            assert registry.anew
        with contextlib.closing(Registry(tmp_path / "index.db")) as registry:
            assert not registry.anew


class TestCaps:
    @staticmethod
    def examined(registry: Registry, path: Path, **caps: int) -> Answer:
        return Examiner(registry, Caps(**caps)).answer(Examine(bytes(path)))

    def test_a_file_beyond_the_cap_is_told_and_not_passed_over(self, registry: Registry, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(b"\0" * (3 << 20))
        best = self.examined(registry, tmp_path / "x", file_bytes=1 << 20).best
        assert best is not None
        assert best.kind == "not_examined"
        assert "1 MiB" in best.reason_ko

    def test_why_a_file_was_not_examined_is_said_in_both_languages(self, registry: Registry, tmp_path: Path) -> None:
        (tmp_path / "x.rar").write_bytes(b"Rar!\x1a\x07" + b"x" * 500)
        best = self.examined(registry, tmp_path / "x.rar").best
        assert best is not None
        assert "압축 파일" in best.reason_ko
        assert "archive" in best.reason_en
        assert "archive" not in best.reason_ko

    def test_an_archive_bomb_ends_at_the_cap(self, registry: Registry, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("0", b"\0" * (40 << 20))
        best = self.examined(registry, tmp_path / "bomb.zip", unpacked_bytes=4 << 20).best
        assert best is not None
        assert best.kind == "not_examined"

    def test_archives_in_archives_are_opened_so_deep_only(self, registry: Registry, tmp_path: Path) -> None:
        content = random.Random(1).randbytes(1000)
        for _ in range(8):
            content = gzip.compress(content)
        (tmp_path / "x.gz").write_bytes(content)
        best = self.examined(registry, tmp_path / "x.gz", depth=3).best
        assert best is not None
        assert best.kind == "not_examined"

    def test_past_the_cap_the_directory_of_a_zip_still_speaks(
        self, registry: Registry, drawing: Path, tmp_path: Path
    ) -> None:
        with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("0", b"\0" * (3 << 20))
            archive.write(drawing, "last")
        best = self.examined(registry, tmp_path / "x.zip", unpacked_bytes=1 << 20).best
        assert best is not None
        assert (best.kind, best.confidence) == ("member", 97)

    def test_a_document_behind_ten_thousand_empty_members_is_found_by_the_directory(
        self, registry: Registry, drawing: Path, tmp_path: Path
    ) -> None:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            for number in range(40):
                archive.writestr(f"{number}", b"")
            archive.write(drawing, "last")
        best = self.examined(registry, tmp_path / "x.zip", members=30).best
        assert best is not None
        assert (best.kind, best.confidence) == ("member", 97)

    @pytest.mark.parametrize("cut", [0.2, 0.5, 0.9, 0.99])
    @pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.docx", "x.pdf", "x.hwp", "x.7z"])
    def test_a_damaged_file_is_never_more_than_a_note(
        self, examiner: Examiner, tmp_path: Path, name: str, cut: float
    ) -> None:
        whole = tmp_path / name
        match name:
            case "x.docx":
                made.docx(whole, PLAN)
            case "x.hwp":
                made.hwp(whole, PLAN)
            case "x.pdf":
                made.pdf(whole, "a b c d e f")
            case "x.7z":
                whole.write_bytes(b"7z\xbc\xaf\x27\x1c" + random.Random(1).randbytes(4000))
            case "x.tar.gz":
                with tarfile.open(whole, "w:gz") as archive:
                    archive.add(__file__, "a")
            case _:
                with zipfile.ZipFile(whole, "w") as archive_:
                    archive_.write(__file__)
        raw = whole.read_bytes()
        whole.write_bytes(raw[: int(len(raw) * cut)])
        assert examiner.answer(Examine(bytes(whole))).done == "examined"

    def test_links_pipes_and_files_that_vanish_are_gone_not_errors(self, examiner: Examiner, tmp_path: Path) -> None:
        import os

        os.mkfifo(tmp_path / "pipe")
        assert examiner.answer(Examine(bytes(tmp_path / "pipe"))).done == "gone"
        assert examiner.answer(Register(bytes(tmp_path / "nowhere"))).done == "gone"
        (tmp_path / "link").symlink_to("/etc/passwd")
        assert examiner.answer(Register(bytes(tmp_path / "link"))).done != "registered"
