"""Protected documents carried out on a stick, in every disguise, as an insider would do it by hand."""

import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.leak.heard import Heard
from collectors.leak.source import Leak
from collectors.sources import volumes
from collectors.sources.executions import Executions
from collectors.sources.files import Files
from collectors.sources.kernel_records import KernelRecords
from collectors.sources.memory import Memory
from collectors.sources.owners import Owners
from collectors.sources.trees import Trees
from collectors.sources.who import Processes
from tests.collectors.leak import made
from tests.lab.lab import Watching, do, mounted, stick


class Lab:
    """A protected folder, a mounted stick, and the sources that watch both."""

    def __init__(self, folder: Path, point: Path, leak: Watching, files: Watching) -> None:
        self.folder = folder
        self.stick = point
        self.files = files
        self._leak = leak

    def evidence(self, name: str) -> dict[str, Any]:
        """What was found of the file `name` on the stick."""
        self._leak.until(lambda: self._leak.having(TargetName=name))
        found: dict[str, Any] = self._leak.having(TargetName=name)[-1]
        return found

    def found(self, name: str) -> tuple[str, int]:
        one = self.evidence(name)
        return one["Evidence"], one["Confidence"]

    def none(self, name: str) -> bool:
        """After `name` was examined (a copy written after it was told), nothing was told of it."""
        marker = f"after-{name}"
        shell(f"cp {self.folder}/도면-1.dwg {self.stick}/{marker}")
        self.evidence(marker)
        return not self._leak.having(TargetName=name)


def shell(command: str) -> None:
    subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=60)


def watching(tmp_path: Path, folder: Path, stack: contextlib.ExitStack) -> tuple[Watching, Watching]:
    processes = Processes()
    stack.enter_context(Watching(Executions(KernelRecords(processes, Owners()), tell=False)))
    heard = Heard((str(folder),), (), processes.find)
    files = Files((str(folder),), Memory(tmp_path / "files.json"), processes, (), (heard,), loop_is_removable=True)
    source = Leak(
        heard, (str(folder),), (), tmp_path / "leak.db", processes.own, lambda at: volumes.identity_at(True, at)
    )
    told = stack.enter_context(Watching(files))
    leak = stack.enter_context(Watching(source))
    leak.until(lambda: leak.feed.mode == "registry of protected documents")
    return told, leak


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    try:
        Trees(Processes()).close()
    except OSError as error:
        pytest.skip(f"this kernel grants no fanotify: {error}")
    folder = (tmp_path / "설계").resolve()
    folder.mkdir()
    for number in range(1, 6):
        (folder / f"도면-{number}.dwg").write_bytes(b"AC1032" + random.Random(number).randbytes(60_000))
    made.docx(folder / "계획.docx", made.text(4000, 1))
    with contextlib.ExitStack() as stack:
        device = stack.enter_context(stick(tmp_path / "stick.img", label="USB"))
        point = stack.enter_context(mounted(device, tmp_path / "usb"))
        files, leak = watching(tmp_path, folder, stack)
        files.until(lambda: do("touch", point / "first") or files.having(TargetFilename=f"{point}/first"))
        yield Lab(folder, point, leak, files)


def test_the_disguises_of_a_drawing(lab: Lab) -> None:
    at, to = lab.folder, lab.stick
    shell(f"cp {at}/도면-1.dwg {to}/휴가.jpg")
    shell(f"tar czf {to}/a.tar.gz -C {at} 도면-2.dwg")
    shell(f"base64 {at}/도면-3.dwg > {to}/memo.txt")
    if shutil.which("zip"):
        shell(f"zip -qj {to}/all.zip {at}/*.dwg && zip -qjP secret {to}/locked.zip {at}/도면-4.dwg")
        assert lab.found("all.zip") == ("member", 98)
        assert lab.evidence("all.zip")["DocumentCount"] == 5
        assert lab.found("locked.zip") == ("encrypted_member", 97)
    copied = lab.evidence("휴가.jpg")
    assert (copied["Evidence"], copied["Confidence"], copied["Renamed"]) == ("hash", 100, True)
    assert (copied["ProtectedName"], copied["Destination"], copied["User"]) == ("도면-1.dwg", "removable", "root")
    assert copied["Image"].endswith("/cp")
    assert copied["FilesystemId"]
    assert lab.found("a.tar.gz") == ("member", 98)
    assert lab.found("memo.txt") == ("member", 98)


def test_text_in_another_document(lab: Lab, tmp_path: Path) -> None:
    words = made.words(4000, 1)
    made.docx(tmp_path / "보고.docx", made.text(500, 9), " ".join(words[1000:2000]))
    shell(f"cp {tmp_path}/보고.docx {lab.stick}/보고.docx")
    found = lab.evidence("보고.docx")
    assert (found["Evidence"], found["ProtectedName"]) == ("text", "계획.docx")
    assert 15 <= found["Share"] <= 35


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_an_encrypted_copy_is_known_by_who_read_what(lab: Lab) -> None:
    at, to = lab.folder, lab.stick
    lock = "openssl enc -aes-256-ctr -pbkdf2 -pass pass:x"
    shell(f"{lock} -in {at}/도면-1.dwg -out {to}/same.bin")
    shell(f"cat {at}/도면-2.dwg | {lock} | dd of={to}/piped.bin status=none")
    same, piped = lab.evidence("same.bin"), lab.evidence("piped.bin")
    assert (same["Evidence"], same["Confidence"], same["ProtectedName"]) == ("lineage", 85, "도면-1.dwg")
    assert (piped["Evidence"], piped["ProtectedName"]) == ("lineage", "도면-2.dwg")
    assert piped["Confidence"] >= 75


def test_files_that_have_nothing_to_do_with_it(lab: Lab, tmp_path: Path) -> None:
    made.docx(tmp_path / "mine.docx", made.text(3000, 77))
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff" + random.Random(5).randbytes(90_000))
    shell(f"cp {tmp_path}/mine.docx {tmp_path}/photo.jpg {lab.stick}/; touch {lab.stick}/empty")
    for name in ("mine.docx", "photo.jpg", "empty"):
        assert lab.none(name), name


def test_a_copy_that_is_renamed_at_once_is_found_under_its_new_name(lab: Lab) -> None:
    shell(f"cp {lab.folder}/도면-5.dwg {lab.stick}/.part && mv {lab.stick}/.part {lab.stick}/음악.mp3")
    found = lab.evidence("음악.mp3")
    assert (found["Evidence"], found["ProtectedName"]) == ("hash", "도면-5.dwg")


def test_a_document_made_a_moment_ago_is_known_and_examining_is_no_file_access(lab: Lab) -> None:
    shell(f"head -c 50000 /dev/urandom > {lab.folder}/new.dwg")
    time.sleep(4)
    shell(f"cp {lab.folder}/new.dwg {lab.stick}/x")
    assert lab.found("x") == ("hash", 100)
    reads = lab.files.having(Action="read", TargetFilename=f"{lab.folder}/new.dwg")
    assert {Path(event["Image"]).name for event in reads} == {"cp"}
    assert os.getpid() not in {event["ProcessId"] for event in lab.files.events}


def test_a_stick_that_is_unmounted_right_after_the_copy_is_told_with_who_copied_what(tmp_path: Path) -> None:
    """The copy cannot be examined any more; that the program had read the document is known."""
    try:
        Trees(Processes()).close()
    except OSError as error:
        pytest.skip(f"this kernel grants no fanotify: {error}")
    folder, point = (tmp_path / "설계").resolve(), tmp_path / "usb"
    folder.mkdir()
    (folder / "도면.dwg").write_bytes(random.Random(1).randbytes(50_000))
    with contextlib.ExitStack() as stack:
        device = stack.enter_context(stick(tmp_path / "stick.img", label="USB"))
        files, leak = watching(tmp_path, folder, stack)
        with mounted(device, point):
            files.until(lambda: do("touch", point / "first") or files.having(TargetFilename=f"{point}/first"))
            shell(f"cp {folder}/도면.dwg {point}/x.jpg")
        leak.until(lambda: leak.having(TargetName="x.jpg"))
        found = leak.having(TargetName="x.jpg")[-1]
    assert (found["Evidence"], found["ProtectedName"], found["TargetFilename"]) == (
        "lineage",
        "도면.dwg",
        f"{point}/x.jpg",
    )
    assert found["Confidence"] == 75
