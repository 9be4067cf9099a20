"""What a 7z archive says of its members without being unpacked: name, size, CRC32. Also when their content is
encrypted, unless the list of names is too.

Source: 7zFormat.txt of the LZMA SDK (public domain).
"""

import lzma
import struct
from typing import BinaryIO, NamedTuple

from collectors.leak.budget import Budget

MAGIC = b"7z\xbc\xaf\x27\x1c"
LARGEST_HEADER = 8 << 20
_START = struct.Struct("<6sBBIQQI")
_END, _HEADER, _STREAMS, _FILES = 0x00, 0x01, 0x04, 0x05
_PACK, _FOLDERS, _SUBSTREAMS, _SIZE, _CRC, _FOLDER, _UNPACKED, _COUNTS = 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D
_EMPTY, _NAMES, _ENCODED = 0x0E, 0x11, 0x17
_LZMA, _LZMA2, _AES = b"\x03\x01\x01", b"\x21", b"\x06\xf1\x07\x01"


class Listed(NamedTuple):
    """One file with content. `crc` is None when the archive does not state it; `encrypted`: it has a password."""

    name: str
    size: int
    crc: int | None
    encrypted: bool = False


class Sealed(Exception):
    """The list of members cannot be read; the words say why."""


class Locked(Sealed):
    """The names are encrypted."""


class _Folder(NamedTuple):
    coders: list[tuple[bytes, bytes]]
    outputs: int
    bound: list[int]


class _Streams(NamedTuple):
    pack_position: int
    pack_sizes: list[int]
    folders: list[_Folder]
    sizes: list[list[int]]
    members: list[tuple[int, int | None]]


def listed(file: BinaryIO, budget: Budget) -> list[Listed]:
    """The members. Raises Sealed (encrypted names, damaged, unknown packing), Exhausted."""
    try:
        return _members(_header(file, budget))
    except (struct.error, IndexError, UnicodeDecodeError, lzma.LZMAError, ValueError) as error:
        raise Sealed(f"damaged 7z archive ({type(error).__name__})") from error


def _header(file: BinaryIO, budget: Budget) -> "_Reader":
    file.seek(0)
    magic, _, _, _, offset, size, _ = _START.unpack(file.read(_START.size))
    if magic != MAGIC or size > LARGEST_HEADER:
        raise Sealed("damaged 7z archive (header)")
    file.seek(_START.size + offset)
    reader = _Reader(file.read(size))
    while (kind := reader.byte()) == _ENCODED:
        streams = _streams(reader)
        file.seek(_START.size + streams.pack_position)
        unpacked = _unpack(streams, file.read(sum(streams.pack_sizes)))
        budget.unpack(len(unpacked))
        reader = _Reader(unpacked)
    if kind != _HEADER:
        raise Sealed("damaged 7z archive (no header)")
    return reader


def _unpack(streams: _Streams, packed: bytes) -> bytes:
    folder, size = streams.folders[0], streams.sizes[0][-1]
    if any(coder == _AES for coder, _ in folder.coders):
        raise Locked("the names in the 7z archive are encrypted")
    if len(folder.coders) != 1 or size > LARGEST_HEADER:
        raise Sealed("the 7z archive's list is packed in an unusual way")
    coder, properties = folder.coders[0]
    if coder == _LZMA:
        lclppb, dictionary = struct.unpack("<BI", properties)
        chain = {"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lclppb % 9, "lp": lclppb // 9 % 5}
        chain["pb"] = lclppb // 45
    elif coder == _LZMA2:
        chain = {"id": lzma.FILTER_LZMA2, "dict_size": LARGEST_HEADER}
    else:
        raise Sealed("the 7z archive's list is packed in an unusual way")
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[chain]).decompress(packed, size)


def _members(reader: "_Reader") -> list[Listed]:
    contents: list[tuple[int, int | None]] = []
    encrypted = False
    while (kind := reader.byte()) != _END:
        if kind == _STREAMS:
            streams = _streams(reader)
            contents = streams.members
            encrypted = any(coder == _AES for folder in streams.folders for coder, _ in folder.coders)
        elif kind == _FILES:
            return [member._replace(encrypted=encrypted) for member in _files(reader, contents)]
        else:
            raise Sealed("damaged 7z archive (properties)")
    return []


def _files(reader: "_Reader", contents: list[tuple[int, int | None]]) -> list[Listed]:
    count = reader.count()
    names: list[str] = []
    empty = [False] * count
    while (kind := reader.byte()) != _END:
        part = _Reader(reader.take(reader.number()))
        if kind == _EMPTY:
            empty = part.bits(count)
        elif kind == _NAMES:
            part.byte()
            names = part.rest().decode("utf-16-le").split("\0")[:count]
    filled = [name for name, without in zip(names, empty, strict=True) if not without]
    return [Listed(name, size, crc) for name, (size, crc) in zip(filled, contents, strict=True)]


def _streams(reader: "_Reader") -> _Streams:
    position, pack_sizes = 0, list[int]()
    folders: list[_Folder] = []
    sizes: list[list[int]] = []
    crcs: list[int | None] = []
    members: list[tuple[int, int | None]] | None = None
    while (kind := reader.byte()) != _END:
        if kind == _PACK:
            position, pack_sizes = _packed(reader)
        elif kind == _FOLDERS:
            folders, sizes, crcs = _folders(reader)
        elif kind == _SUBSTREAMS:
            members = _substreams(reader, folders, sizes, crcs)
        else:
            raise Sealed("damaged 7z archive (streams)")
    if members is None:
        members = [(_whole(f, s), crc) for f, s, crc in zip(folders, sizes, crcs, strict=True)]
    return _Streams(position, pack_sizes, folders, sizes, members)


def _packed(reader: "_Reader") -> tuple[int, list[int]]:
    position, count = reader.number(), reader.count()
    sizes: list[int] = []
    while (kind := reader.byte()) != _END:
        if kind == _SIZE:
            sizes = [reader.number() for _ in range(count)]
        elif kind == _CRC:
            reader.crcs(count)
    return position, sizes


def _folders(reader: "_Reader") -> tuple[list[_Folder], list[list[int]], list[int | None]]:
    if reader.byte() != _FOLDER:
        raise Sealed("damaged 7z archive (folders)")
    count = reader.count()
    if reader.byte():
        raise Sealed("the 7z archive's list is packed in an unusual way")
    folders = [_folder(reader) for _ in range(count)]
    if reader.byte() != _UNPACKED:
        raise Sealed("damaged 7z archive (sizes)")
    sizes = [[reader.number() for _ in range(folder.outputs)] for folder in folders]
    crcs: list[int | None] = [None] * count
    while (kind := reader.byte()) != _END:
        if kind == _CRC:
            crcs = reader.crcs(count)
    return folders, sizes, crcs


def _folder(reader: "_Reader") -> _Folder:
    coders: list[tuple[bytes, bytes]] = []
    inputs = outputs = 0
    for _ in range(reader.count()):
        flags = reader.byte()
        name = reader.take(flags & 0x0F)
        into, out = (reader.count(), reader.count()) if flags & 0x10 else (1, 1)
        coders.append((name, reader.take(reader.number()) if flags & 0x20 else b""))
        inputs, outputs = inputs + into, outputs + out
    pairs = [(reader.number(), reader.number()) for _ in range(outputs - 1)]
    if inputs - len(pairs) > 1:
        for _ in range(inputs - len(pairs)):
            reader.number()
    return _Folder(coders, outputs, [out for _, out in pairs])


def _whole(folder: _Folder, sizes: list[int]) -> int:
    """Size of what comes out in the end: the output that no other coder takes in."""
    return next(size for at, size in enumerate(sizes) if at not in folder.bound)


def _substreams(
    reader: "_Reader", folders: list[_Folder], sizes: list[list[int]], crcs: list[int | None]
) -> list[tuple[int, int | None]]:
    counts = [1] * len(folders)
    kind = reader.byte()
    if kind == _COUNTS:
        counts = [reader.count() for _ in folders]
        kind = reader.byte()
    stated: list[list[int]] = []
    for folder, out, count in zip(folders, sizes, counts, strict=True):
        first = [reader.number() for _ in range(count - 1)] if kind == _SIZE else []
        stated.append([*first, _whole(folder, out) - sum(first)] if count else [])
    if kind == _SIZE:
        kind = reader.byte()
    missing = sum(count for count, crc in zip(counts, crcs, strict=True) if count != 1 or crc is None)
    given: list[int | None] = [None] * missing
    while kind != _END:
        if kind == _CRC:
            given = reader.crcs(missing)
        kind = reader.byte()
    rest = iter(given)
    found: list[tuple[int, int | None]] = []
    for count, crc, inside in zip(counts, crcs, stated, strict=True):
        own = [crc] if count == 1 and crc is not None else [next(rest) for _ in range(count)]
        found += zip(inside, own, strict=True)
    return found


class _Reader:
    """A cursor over bytes; IndexError and struct.error past the end."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def byte(self) -> int:
        self._at += 1
        return self._raw[self._at - 1]

    def take(self, count: int) -> bytes:
        if count > len(self._raw) - self._at:
            raise IndexError
        self._at += count
        return self._raw[self._at - count : self._at]

    def rest(self) -> bytes:
        return self.take(len(self._raw) - self._at)

    def number(self) -> int:
        """7zFormat.txt, "NUMBER": leading ones of the first byte say how many bytes follow."""
        first = self.byte()
        mask, value = 0x80, 0
        for shift in range(0, 64, 8):
            if not first & mask:
                return value | (first & (mask - 1)) << shift
            value |= self.byte() << shift
            mask >>= 1
        return value

    def count(self) -> int:
        """A number of things that are yet to come: never more than there are bytes left."""
        value = self.number()
        if value > len(self._raw):
            raise ValueError("more than there can be")
        return value

    def bits(self, count: int) -> list[bool]:
        raw = self.take((count + 7) // 8)
        return [bool(raw[n // 8] & 0x80 >> n % 8) for n in range(count)]

    def crcs(self, count: int) -> list[int | None]:
        defined = [True] * count if self.byte() else self.bits(count)
        return [struct.unpack("<I", self.take(4))[0] if there else None for there in defined]
