"""One compressed stream: gzip, bzip2, xz, Zstandard (RFC 8878)."""

import bz2
import gzip
import lzma
from typing import BinaryIO, Literal, cast

import zstandard

Compressed = Literal["gzip", "bzip2", "xz", "zstd"]

DAMAGED = (lzma.LZMAError, zstandard.ZstdError)
_WINDOW = 128 << 20
"""The most that may be asked of memory, as the zstd command takes without being told otherwise."""


def unpacking(file: BinaryIO, kind: Compressed) -> BinaryIO:
    """Its content from the beginning, to be read once."""
    file.seek(0)
    match kind:
        case "gzip":
            return cast("BinaryIO", gzip.GzipFile(fileobj=file))
        case "bzip2":
            return cast("BinaryIO", bz2.BZ2File(file))
        case "xz":
            return cast("BinaryIO", lzma.LZMAFile(file))
        case "zstd":
            packer = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
            return cast("BinaryIO", packer.stream_reader(file, read_across_frames=True, closefd=False))
