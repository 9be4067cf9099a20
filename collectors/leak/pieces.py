"""A file taken apart: itself, and what lies in it (archives in archives, base64), each with what identifies it."""

import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from collectors.leak import notes, sevenzip
from collectors.leak.base64text import LEAST, encoded_runs
from collectors.leak.budget import CHUNK, Budget, Exhausted, Readable
from collectors.leak.kinds import HEAD, Kind, kind_of
from collectors.leak.mail import is_mail, mail_parts
from collectors.leak.marks import NONE, marks_of, memory
from collectors.leak.office import is_office
from collectors.leak.streams import DAMAGED, Compressed, unpacking
from collectors.leak.zipnames import name_of

_DAMAGED = (OSError, zipfile.BadZipFile, tarfile.TarError, zlib.error, *DAMAGED, EOFError, ValueError)
_AES = 99
"""WinZip's method number; its variant AE-2 leaves the CRC out."""
_ENCRYPTED = 0x1


class Piece(NamedTuple):
    """`name` is "" for the file itself, else its path inside ("a.zip/b.dwg"). `sha256` is None for what was not read
    (encrypted, too large): then `crc32` and `size` are what the archive says; `crc32` may be None as well."""

    name: str
    size: int
    sha256: bytes | None
    crc32: int | None
    encrypted: bool = False
    marks: frozenset[int] = NONE


def pieces(file: BinaryIO, budget: Budget, name: str = "", depth: int = 0) -> Iterator[Piece]:
    """The whole first. What cannot be examined is in `budget.notes`; ends early when the budget is exhausted, also
    noted. Raises OSError when `file` itself cannot be read."""
    try:
        yield from _pieces(file, budget, name, depth)
    except Exhausted as error:
        budget.note(error.note)


def _pieces(file: BinaryIO, budget: Budget, name: str, depth: int) -> Iterator[Piece]:
    file.seek(0)
    head = file.read(HEAD)
    kind = kind_of(head)
    if kind in ("", "compressed") and zipfile.is_zipfile(file):
        kind = "zip"  # behind a picture or a program, as in a self-extracting archive
    size, sha256, crc32 = _digest(file, budget)
    whole = Piece(name, size, sha256, crc32)
    try:
        office = _office(file) if kind == "zip" else None
        marks = marks_of(file, kind, budget, office)
    except Exhausted:
        yield whole
        raise
    yield whole._replace(marks=marks)
    if office is None and kind not in ("compressed", "encrypted"):
        try:
            yield from _inside(file, kind, budget, name, depth)
        except _DAMAGED as error:
            budget.note(notes.damaged(name, error))


def _digest(file: BinaryIO, budget: Budget) -> tuple[int, bytes, int]:
    file.seek(0)
    sha, crc, size = hashlib.sha256(), 0, 0
    while chunk := file.read(CHUNK):
        sha.update(chunk)
        crc = zlib.crc32(chunk, crc)
        size += len(chunk)
        if size > budget.caps.file_bytes:
            raise Exhausted(notes.too_large(budget.caps.file_bytes >> 20))
        budget.hurry()
    return size, sha.digest(), crc


def _office(file: BinaryIO) -> zipfile.ZipFile | None:
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGED:
        return None
    return archive if is_office(archive.namelist()) else None


def _inside(file: BinaryIO, kind: Kind, budget: Budget, name: str, depth: int) -> Iterator[Piece]:
    """What is in an archive or a mail, or in the base64 of a text; nothing for other files."""
    if depth >= budget.caps.depth:
        if kind in ("zip", "gzip", "bzip2", "xz", "zstd", "tar", "7z", "sealed"):
            budget.note(notes.too_deep(budget.caps.depth))
        return
    file.seek(0)
    match kind:
        case "zip":
            yield from _zip(file, budget, name, depth)
        case "tar":
            yield from _tar(tarfile.open(fileobj=file, mode="r:"), budget, name, depth)  # noqa: SIM115 - memory only
        case "gzip" | "bzip2" | "xz" | "zstd":
            yield from _stream(file, kind, budget, name, depth)
        case "7z":
            yield from _seven(file, budget, name)
        case "sealed":
            budget.note(notes.SEALED)
        case "":
            for part, content in _encoded(file.read(budget.caps.nested_bytes)):
                budget.member()
                budget.unpack(len(content))
                yield from _pieces(memory(content), budget, f"{name}/{part}".lstrip("/"), depth + 1)


def _encoded(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, content) of what a text holds besides its own words."""
    if is_mail(raw):
        yield from mail_parts(raw)
    elif b"\0" not in raw[:HEAD] and len(raw) >= LEAST:
        yield from (("(base64)", content) for content in encoded_runs(raw))


def _zip(file: BinaryIO, budget: Budget, name: str, depth: int) -> Iterator[Piece]:
    """Members that are encrypted, damaged or beyond the budget are told by what the archive's directory says."""
    archive = zipfile.ZipFile(file)
    spent: Exhausted | None = None
    for info in archive.infolist():
        if info.is_dir():
            continue
        path = f"{name}/{name_of(info)}".lstrip("/")
        stated = Piece(path, info.file_size, None, info.CRC, bool(info.flag_bits & _ENCRYPTED))
        budget.locked |= stated.encrypted
        try:
            budget.member()
        except Exhausted as error:
            spent = error
        if stated.encrypted or spent:
            budget.hurry()
            yield stated._replace(crc32=None) if info.compress_type == _AES and not info.CRC else stated
            continue
        try:
            with archive.open(info) as member:
                yield from _member(member, info.file_size, budget, path, depth)
        except Exhausted as error:
            spent = error
            yield stated
        except (*_DAMAGED, RuntimeError, NotImplementedError) as error:
            budget.note(notes.damaged(path, error))
            yield stated
    if spent:
        raise spent


def _tar(archive: tarfile.TarFile, budget: Budget, name: str, depth: int) -> Iterator[Piece]:
    for info in archive:
        if info.isfile() and (member := archive.extractfile(info)) is not None:
            budget.member()
            path = f"{name}/{info.name}".lstrip("/")
            yield from _member(member, info.size, budget, path, depth)


def _stream(file: BinaryIO, kind: Compressed, budget: Budget, name: str, depth: int) -> Iterator[Piece]:
    """One compressed stream: a tar is unwrapped as it flows, anything else is one member."""
    if kind_of(budget.unpacked(unpacking(file, kind), HEAD)) == "tar":
        archive = tarfile.open(fileobj=unpacking(file, kind), mode="r|")  # noqa: SIM115 - memory only
        yield from _tar(archive, budget, name, depth)
        return
    path = f"{name}/(unpacked)".lstrip("/")
    yield from _member(unpacking(file, kind), budget.caps.nested_bytes, budget, path, depth)


def _member(member: Readable, size: int, budget: Budget, path: str, depth: int) -> Iterator[Piece]:
    """Small ones are taken apart in memory, larger ones only hashed."""
    most = budget.caps.nested_bytes
    content = budget.unpacked(member, most + 1) if size <= most else b""
    if size <= most and len(content) <= most:
        yield from _pieces(memory(content), budget, path, depth + 1)
        return
    sha, crc, count = hashlib.sha256(content), zlib.crc32(content), len(content)
    while chunk := budget.unpacked(member, CHUNK):
        sha.update(chunk)
        crc, count = zlib.crc32(chunk, crc), count + len(chunk)
    budget.note(notes.member_too_large(path, most >> 20))
    yield Piece(path, count, sha.digest(), crc)


def _seven(file: BinaryIO, budget: Budget, name: str) -> Iterator[Piece]:
    try:
        members = sevenzip.listed(file, budget)
        budget.locked |= any(member.encrypted for member in members)
        for member in members:
            budget.member()
            path = f"{name}/{member.name}".lstrip("/")
            yield Piece(path, member.size, None, member.crc, encrypted=member.encrypted)
        if members and not members[0].encrypted:
            budget.note(notes.LISTED_ONLY)
    except sevenzip.Locked:
        budget.lock(notes.NAMES_LOCKED)
    except sevenzip.Sealed as error:
        budget.note(notes.damaged(name, error))
