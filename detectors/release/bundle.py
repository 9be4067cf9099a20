"""A rule set as one signed file, of which no byte is believed, or even unpacked, before its signature fits.

    jikimi-rules 1 KEY-ID SIGNATURE\n       key id and Ed25519 signature in lower-case hex, over the next line
    MANIFEST\n                              one line of JSON: `Manifest`, with the SHA-256 of what follows
    a tar archive, compressed with zstd     `tail -n +3 FILE | zstd -d | tar t` lists it

Every byte is covered: the first line by its strict form, the manifest by the signature, the archive by its hash.
"""

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec
import zstandard

from jikimi.errors import Misconfigured, Refused
from jikimi.signing import Signature, SigningKey, TrustedKeys

PURPOSE = "jikimi-rules 1"
MOST_BYTES = 64 << 20
"""Of a bundle as a file. The whole public rule set takes 2 MB."""
MOST_UNPACKED = 256 << 20
MOST_FILES = 50_000
MOST_MANIFEST = 16 << 20

_FIRST_LINE = re.compile(rb"jikimi-rules 1 ([0-9a-f]{32}) ([0-9a-f]{128})")
_SUFFIXES = (".yml", ".yaml", ".samples.ndjson")
_PATH = re.compile(r"[^\x00-\x1f\x7f\\:]{1,400}")


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the archive."""

    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is signed. `version` only ever rises; `new_rules` is the stage of rules the centre never had."""

    version: int
    created: datetime
    archive_sha256: str
    files: dict[str, Listed]
    expires: datetime | None = None
    new_rules: Literal["shadow", "live"] = "shadow"
    note: str = ""


class Bundle(msgspec.Struct, frozen=True):
    """A bundle that was verified: its manifest and its files by path."""

    manifest: Manifest
    key_id: str
    files: Mapping[str, bytes]


def files_of(folders: Sequence[Path]) -> dict[str, bytes]:
    """Rule files and samples at or below the folders, named `FOLDER/path`. Raises Misconfigured when there is none."""
    found: dict[str, bytes] = {}
    for folder in folders:
        if not folder.is_dir():
            raise Misconfigured(f"{folder}: there is no such folder of rules")
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name.endswith(_SUFFIXES)):
            name = str(PurePosixPath(folder.resolve().name, *path.relative_to(folder).parts))
            if name in found:
                raise Misconfigured(f"{name}: two of the folders have the same name; give them different ones")
            found[name] = path.read_bytes()
    if not any(name.endswith((".yml", ".yaml")) for name in found):
        raise Misconfigured(f"no rule (.yml) in {', '.join(map(str, folders))}")
    return found


def make(
    files: Mapping[str, bytes],
    key: SigningKey,
    *,
    version: int,
    created: datetime,
    expires: datetime | None = None,
    new_rules: Literal["shadow", "live"] = "shadow",
    note: str = "",
) -> bytes:
    """The bundle as bytes: the same input gives the same file. Raises Misconfigured for what `read` would refuse."""
    archive = zstandard.ZstdCompressor(level=19).compress(_tar(files))
    listed = {name: Listed(_hash(data), len(data)) for name, data in sorted(files.items())}
    manifest = Manifest(version, created, _hash(archive), listed, expires, new_rules, note)
    try:
        _check(manifest)
    except Refused as error:
        raise Misconfigured(f"this cannot be a bundle: {error}") from error
    line = msgspec.json.encode(manifest)
    signature = key.sign(PURPOSE, line)
    first = f"jikimi-rules 1 {signature.key_id} {signature.value.hex()}".encode()
    return b"\n".join((first, line, archive))


def read_file(path: Path) -> bytes:
    """The file's bytes. Raises Misconfigured when it cannot be read, Refused when it is too large to be a bundle."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured(f"{path}: the bundle cannot be read ({error.strerror})") from error
    if len(content) > MOST_BYTES:
        raise Refused(f"larger than a bundle may be ({MOST_BYTES >> 20} MB)")
    return content


def verify(content: bytes, trusted: TrustedKeys) -> Bundle:
    """Raises Refused, with the reason, for whatever is not exactly what the holder of a trusted key signed."""
    first, _, rest = content.partition(b"\n")
    form = _FIRST_LINE.fullmatch(first)
    if form is None:
        raise Refused("this is no rule bundle: the first line is not 'jikimi-rules 1 KEY SIGNATURE'")
    line, _, archive = rest.partition(b"\n")
    signature = Signature(form[1].decode(), bytes.fromhex(form[2].decode()))
    trusted.verify(PURPOSE, line, signature)
    try:
        manifest = msgspec.json.decode(line, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Refused(f"the manifest is not one this version reads: {error}") from error
    _check(manifest)
    if _hash(archive) != manifest.archive_sha256:
        raise Refused("the archive is not the one that was signed: its SHA-256 differs from the manifest's")
    return Bundle(manifest, signature.key_id, _unpacked(archive, manifest))


def unpack(bundle: Bundle, folder: Path) -> None:
    """Writes the files below the empty or missing `folder`."""
    for name, data in bundle.files.items():
        target = folder.joinpath(*PurePosixPath(name).parts)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)


def _check(manifest: Manifest) -> None:
    if len(msgspec.json.encode(manifest)) > MOST_MANIFEST or not 1 <= len(manifest.files) <= MOST_FILES:
        raise Refused(f"{len(manifest.files)} files; a bundle has 1 to {MOST_FILES}")
    if not 1 <= manifest.version < 1 << 53:
        raise Refused(f"version {manifest.version}: versions are whole numbers from 1")
    if manifest.created.tzinfo is None or (manifest.expires is not None and manifest.expires.tzinfo is None):
        raise Refused("a time without its zone")
    if sum(listed.size for listed in manifest.files.values()) > MOST_UNPACKED:
        raise Refused(f"more than {MOST_UNPACKED >> 20} MB when unpacked")
    for name, listed in manifest.files.items():
        parts = PurePosixPath(name).parts
        plain = _PATH.fullmatch(name) and name == "/".join(parts) and not {"..", ".", "/"} & set(parts)
        if not plain or not name.endswith(_SUFFIXES) or listed.size < 0:
            raise Refused(f"the path {name!r} is none for a rule or its samples")


def _unpacked(archive: bytes, manifest: Manifest) -> dict[str, bytes]:
    """What the signed archive holds, held to the manifest: signed is not yet well-formed."""
    most = sum(listed.size + 4096 for listed in manifest.files.values()) + (1 << 20)
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(archive) as stream:
            plain = stream.read(most + 1)
        if len(plain) > most:
            raise Refused("the archive unpacks to more than its manifest says")
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as tar:
            members = tar.getmembers()
            names = [member.name for member in members]
            if len(names) != len(set(names)) or set(names) != manifest.files.keys():
                raise Refused("the archive does not hold exactly the files of its manifest")
            return {member.name: _content(tar, member, manifest.files[member.name]) for member in members}
    except (zstandard.ZstdError, tarfile.TarError) as error:
        raise Refused(f"the archive cannot be unpacked: {error}") from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, listed: Listed) -> bytes:
    file = tar.extractfile(member) if member.isreg() and member.size == listed.size else None
    data = file.read() if file is not None else None
    if data is None or _hash(data) != listed.sha256:
        raise Refused(f"{member.name} is not the file that the manifest lists")
    return data


def _tar(files: Mapping[str, bytes]) -> bytes:
    """Without owner and times: the same rules give the same archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
