"""What a file is, by its first bytes; names lie."""

from typing import Literal

Kind = Literal["", "zip", "gzip", "bzip2", "xz", "zstd", "tar", "7z", "sealed", "pdf", "ole", "encrypted", "compressed"]
"""`sealed`: an archive we cannot open (rar, alz, egg); `encrypted`: says so itself; `compressed`: pictures, films,
sound; "" = text, or something of which only the whole can be compared."""

HEAD = 4096

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "sealed"),
    (b"ALZ\x01", "sealed"),
    (b"EGGA", "sealed"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"Salted__", "encrypted"),  # openssl enc
    (b"age-encryption.org/", "encrypted"),
    (b"-----BEGIN PGP MESSAGE", "encrypted"),
    (b"\x89PNG", "compressed"),
    (b"\xff\xd8\xff", "compressed"),
    (b"GIF8", "compressed"),
    (b"OggS", "compressed"),
    (b"fLaC", "compressed"),
    (b"ID3", "compressed"),
    (b"\x1aE\xdf\xa3", "compressed"),
    (b"RIFF", "compressed"),
)


def kind_of(head: bytes) -> Kind:
    """From at least the first 512 bytes (fewer when the file is shorter)."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return "tar"
    if head[4:8] == b"ftyp":
        return "compressed"
    if b"%PDF-" in head[:1024]:
        return "pdf"
    return "encrypted" if _openpgp(head) else ""


def _openpgp(head: bytes) -> bool:
    """A session key packet, version 3 to 6 (RFC 9580, 4.2, 5.1, 5.3), as gpg writes first."""
    if len(head) < 4 or not head[0] & 0x80:
        return False
    tag = head[0] & 0x3F if head[0] & 0x40 else (head[0] >> 2) & 0x0F
    if tag not in (1, 3):
        return False
    body = 2 if head[0] & 0x40 or head[0] & 3 == 0 else 3
    return head[body] in ((3, 6) if tag == 1 else (4, 5, 6))
