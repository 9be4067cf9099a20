"""Lengths and characters of Korean SMS, counted by ourselves.

Providers speak EUC-KR (KS X 1001) and cut long text silently or fail on a foreign character. Python's `cp949` also
codes 8,822 syllables outside KS X 1001 in two bytes, and its `euc_kr` spells those as eight-byte jamo sequences: both
give lengths that a handset does not share. Here a character is in the set only when `euc_kr` codes it in one or two
bytes.
"""

import unicodedata

SMS_BYTES = 90
"""What a provider takes as SMS."""
SMS_BODY_BYTES = 80
"""What we write: the carrier adds "[Web발신]" and a line feed."""
LMS_BYTES = 2000
LMS_SUBJECT_BYTES = 40

_LIKENESS = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{HYPHEN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{BULLET}": "·",
        "\N{COPYRIGHT SIGN}": "(c)",
        "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
    }
)


def byte_length(character: str) -> int | None:
    """1 or 2, or None when the character is not in KS X 1001 (or is a control other than a line feed)."""
    if character < " " and character != "\n":
        return None
    try:
        length = len(character.encode("euc_kr"))
    except UnicodeEncodeError:
        return None
    return length if length <= 2 else None


def encoded_length(text: str) -> int:
    """Bytes on the handset. Raises ValueError naming the first character that EUC-KR does not have."""
    total = 0
    for character in text:
        length = byte_length(character)
        if length is None:
            raise ValueError(f"U+{ord(character):04X} is not in EUC-KR")
        total += length
    return total


def to_euckr(text: str) -> str:
    """The nearest text that EUC-KR has: same words, likeness for typographic signs, `?` for what has none."""
    composed = unicodedata.normalize("NFC", text).translate(_LIKENESS)
    return "".join(piece for character in composed for piece in _nearest(character))


def _nearest(character: str) -> str:
    if byte_length(character) is not None and character != "\n":
        return character
    if character.isspace():
        return " "
    if unicodedata.category(character) in ("Cc", "Cf", "Mn", "Me", "Cs"):
        return ""
    plain = unicodedata.normalize("NFKD", character)
    kept = "".join(c for c in plain if byte_length(c) is not None and not _is_jamo(c))
    return kept if kept and not _is_jamo(plain[0]) else "?"


def _is_jamo(character: str) -> bool:
    return "\u1100" <= character <= "\u11ff"


def cut(text: str, limit: int) -> str:
    """As many whole characters of an EUC-KR text as fit `limit` bytes."""
    total = 0
    for at, character in enumerate(text):
        total += byte_length(character) or 0
        if total > limit:
            return text[:at]
    return text
