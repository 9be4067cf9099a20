"""One process a folder."""

from pathlib import Path

import pytest

from jikimi.errors import Misconfigured
from jikimi.stream.folder_lock import FolderLock


def test_a_folder_that_cannot_be_written_to_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(Misconfigured, match=r"cannot be written to \(Is a directory\)"):
        FolderLock(tmp_path)


def test_a_folder_in_use_names_its_process_and_is_free_after_release(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(Misconfigured, match="already in use by process"):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()
