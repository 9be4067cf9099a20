"""A version as one signed file: a line of JSON that says what follows, then a gzipped tar of the program's folder."""

import hashlib
import platform
import re
import sys
import tarfile
from pathlib import Path
from typing import BinaryIO

import msgspec

from jikimi.errors import Misconfigured, Refused
from jikimi.signing import Signature, SigningKey, TrustedKeys

PURPOSE = "jikimi agent package"
LARGEST = 1 << 30
LONGEST_HEAD = 4096
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}")


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed. `sha256` and `size` (bytes) are of the tar."""

    version: str
    system: str
    machine: str
    sha256: str
    size: int


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    contents: msgspec.Raw
    key_id: str
    signature: str


def numbers(version: str) -> tuple[int, ...]:
    """For comparing. Raises Refused for what is no version."""
    if not _VERSION.fullmatch(version):
        raise Refused(f"{version!r} is no version such as 1.2.3")
    return tuple(map(int, version.split(".")))


def make(folder: Path, version: str, key: SigningKey, out: Path) -> Contents:
    """Pack and sign `folder`. Raises Misconfigured when it holds no program or `out` cannot be written."""
    if not (folder / "jikimi").is_file():
        raise Misconfigured(f"{folder}: holds no program `jikimi`; build it with `make agent-bundle`")
    numbers(version)
    beside = out.with_suffix(".tar.gz.new")
    try:
        with tarfile.open(beside, "w:gz") as tar:
            tar.add(folder, ".")
        digest, size = _digest(beside)
        contents = Contents(version, sys.platform, platform.machine(), digest, size)
        told = msgspec.json.encode(contents)
        signature = key.sign(PURPOSE, told)
        head = _Head(msgspec.Raw(told), signature.key_id, signature.value.hex())
        with out.open("wb") as file, beside.open("rb") as packed:
            file.write(msgspec.json.encode(head) + b"\n")
            while chunk := packed.read(1 << 20):
                file.write(chunk)
    except OSError as error:
        raise Misconfigured(f"{out}: the package cannot be written ({error.strerror})") from error
    finally:
        beside.unlink(missing_ok=True)
    return contents


def verify(package: Path, trusted: TrustedKeys) -> Contents:
    """Signature, hash and machine, before anything is unpacked. Raises Refused, Misconfigured (cannot be read)."""
    try:
        with package.open("rb") as file:
            contents = _signed(file, trusted)
            found = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        raise Misconfigured(f"{package}: cannot be read ({error.strerror})") from error
    if found != contents.sha256:
        raise Refused(f"{package}: the content was changed: its SHA-256 is not the signed one ({size} bytes read)")
    if (contents.system, contents.machine) != (sys.platform, platform.machine()):
        raise Refused(
            f"{package}: made for {contents.system} {contents.machine}, this is {sys.platform} {platform.machine()}"
        )
    return contents


def unpack(package: Path, into: Path) -> None:
    """Of a verified package. Nothing outside `into` is touched (PEP 706). Raises OSError, tarfile.TarError."""
    with package.open("rb") as file:
        file.readline(LONGEST_HEAD)
        with tarfile.open(fileobj=file, mode="r|gz") as tar:
            tar.extractall(into, filter="data")


def _signed(file: BinaryIO, trusted: TrustedKeys) -> Contents:
    """What the head says, once its signature holds; the file then stands at the tar."""
    line = file.readline(LONGEST_HEAD)
    try:
        head = msgspec.json.decode(line, type=_Head)
        signature = Signature(head.key_id, bytes.fromhex(head.signature))
        trusted.verify(PURPOSE, bytes(head.contents), signature)
        contents = msgspec.json.decode(head.contents, type=Contents)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Refused(f"this is no package of an agent ({error})") from error
    numbers(contents.version)
    return contents


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
