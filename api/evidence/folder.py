"""Where one capture lies at the centre: DATA/evidence/COMPANY/REQUEST, for its owner only."""

import fcntl
import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import msgspec

from api.errors import ApiError, retry_later
from jikimi.domain.evidence import MANIFEST, File, Manifest


class Folder:
    """Names come from a checked manifest or are MANIFEST itself; everything here blocks on the disk."""

    def __init__(self, evidence: Path, tenant_id: str, request_id: str) -> None:
        self.path = evidence / tenant_id / request_id

    def manifest(self) -> Manifest | None:
        """None before it came."""
        try:
            return msgspec.json.decode((self.path / MANIFEST).read_bytes(), type=Manifest)
        except FileNotFoundError:
            return None

    def begin(self, manifest: bytes) -> None:
        """Raises ApiError 503 when the disk takes it not."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self.path / f".{MANIFEST}"
            with _open(fresh, os.O_CREAT | os.O_TRUNC) as stream:
                stream.write(manifest)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self.path / MANIFEST)
        except OSError as error:
            raise retry_later(503, f"the centre cannot keep the capture now ({error.strerror})", 60) from error

    def append(self, file: File, offset: int, piece: bytes) -> int:
        """Bytes held then. A piece elsewhere than at the end is not written: the answer tells where to go on.

        Raises ApiError 413 for more than the manifest says, 503 when the disk takes it not.
        """
        try:
            with _open(self.path / file.name, os.O_CREAT) as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)  # the same piece may come twice at once
                held = stream.seek(0, os.SEEK_END)
                if offset != held:
                    return held
                if held + len(piece) > file.bytes:
                    raise ApiError(413, "too_large", f"{file.name} has {file.bytes} bytes by its manifest")
                return held + stream.write(piece)
        except OSError as error:
            raise retry_later(503, f"the centre cannot keep the capture now ({error.strerror})", 60) from error

    def fault(self, manifest: Manifest) -> str:
        """Why what lies here is not what the manifest says; "" when it is."""
        for file in manifest.files:
            with (self.path / file.name).open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != file.sha256:
                    return f"{file.name}: its SHA-256 is not the manifest's"
        return ""

    def missing(self, manifest: Manifest) -> str:
        """The first file that is not wholly here; "" when all are."""
        for file in manifest.files:
            path = self.path / file.name
            if not path.exists() or path.stat().st_size < file.bytes:
                return file.name
        return ""

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _open(path: Path, how: int) -> BinaryIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | how, 0o600)
    return os.fdopen(descriptor, "wb")
