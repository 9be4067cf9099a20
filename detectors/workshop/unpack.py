"""Rule files out of a zip that may be hostile: no path leaves the folder, no link, no bomb, only rules and notes."""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from jikimi.errors import Misconfigured

MOST_FILES = 30_000
LARGEST_FILE = 4 << 20
LARGEST = 256 << 20
"""Bytes of all files together; the public set has 12 MB."""
_TAKEN = frozenset({".yml", ".yaml", ".ndjson", ".md", ".txt"})
_NOTES = frozenset({"LICENSE", "NOTICE", "VERSION"})
_LINK_OR_DEVICE = (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)


def unpack(archive: Path, folder: Path) -> int:
    """Write what is taken of `archive` into `folder`, which is empty; how many files that was.

    Raises Misconfigured when it is no zip, damaged, or holds anything that a rule package has no use for.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            if len(members) > MOST_FILES:
                raise Misconfigured(f"{archive}: {len(members):,} files; that is no rule package")
            return _unpack_all(packed, members, folder, str(archive))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise Misconfigured(f"{archive}: not a zip that can be read ({error})") from error
    except OSError as error:
        raise Misconfigured(f"{archive}: cannot be unpacked ({error.strerror or error})") from error


def _unpack_all(packed: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, name: str) -> int:
    written, size, seen = 0, 0, set[str]()
    for member in members:
        path = _safe(member, name)
        if path.suffix.lower() not in _TAKEN and path.name not in _NOTES:
            continue
        if str(path).casefold() in seen:
            raise Misconfigured(f"{name}: {member.filename!r} stands in it twice")
        seen.add(str(path).casefold())
        with packed.open(member) as stream:
            data = stream.read(LARGEST_FILE + 1)  # what the header says of its size is not believed
        size += len(data)
        if len(data) > LARGEST_FILE or size > LARGEST:
            raise Misconfigured(f"{name}: {member.filename!r} unpacks to more than a rule package has")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        written += 1
    return written


def _safe(member: zipfile.ZipInfo, name: str) -> PurePosixPath:
    """Where it belongs inside the folder. Raises Misconfigured when that is elsewhere, or it is no plain file."""
    text = member.filename
    path = PurePosixPath(text)
    odd = "\\" in text or ":" in text or not text.isprintable()
    if odd or path.is_absolute() or ".." in path.parts or not path.parts:
        raise Misconfigured(f"{name}: {text!r} leads out of the folder it is unpacked in")
    if stat.S_IFMT(member.external_attr >> 16) in _LINK_OR_DEVICE:
        raise Misconfigured(f"{name}: {text!r} is a link or a device, not a file")
    if member.flag_bits & 1:
        raise Misconfigured(f"{name}: {text!r} is encrypted")
    return path
