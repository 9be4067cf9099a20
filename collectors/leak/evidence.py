"""What was found, how sure that is (0 to 100), and why, in a sentence of each language."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from collectors.leak.notes import Note

Kind = Literal["hash", "member", "encrypted_member", "text", "lineage", "not_examined"]

NAMED = 20
"""Documents named in one event; `DocumentCount` counts all."""


class Evidence(NamedTuple):
    """Of one written file. `document` is the protected document's path, `share` per cent of its text, `member` where
    in the written file it was found."""

    kind: Kind
    confidence: int
    reason_ko: str
    reason_en: str
    document: str = ""
    member: str = ""
    share: int | None = None
    words: int | None = None


def equal(document: str) -> Evidence:
    return Evidence(
        "hash", 100, "내용이 보호 문서와 한 글자도 다르지 않음", "every byte equals the protected document", document
    )


def unpacked(document: str, member: str) -> Evidence:
    if member.endswith("(base64)"):
        ko = "base64 글자로 바꾼 내용을 되돌리니 보호 문서와 같음"
        en = "base64 text that decodes to the protected document"
        return Evidence("member", 98, ko, en, document, member)
    ko = "압축을 풀어 보니 보호 문서와 같은 파일이 들어 있음"
    en = "unpacked, it holds the protected document byte for byte"
    return Evidence("member", 98, ko, en, document, member)


def listed(document: str, member: str, *, encrypted: bool) -> Evidence:
    """CRC-32 and size agree: one chance in 4,000 million for a file of that size."""
    if not encrypted:
        ko = "압축 파일 목록의 크기와 검사값(CRC)이 보호 문서와 같음"
        en = "the archive's directory states the size and CRC of the protected document"
        return Evidence("member", 97, ko, en, document, member)
    ko = "암호가 걸린 압축 파일이지만 목록의 크기와 검사값(CRC)이 보호 문서와 같음"
    en = "the archive is locked, but its directory states the size and CRC of the protected document"
    return Evidence("encrypted_member", 97, ko, en, document, member)


def same_size(document: str, member: str, *, same_name: bool) -> Evidence:
    if same_name:
        ko = "암호가 걸린 압축 파일 목록의 이름과 크기가 보호 문서와 같음"
        en = "the archive is locked, but its directory states the name and size of the protected document"
        return Evidence("encrypted_member", 85, ko, en, document, member)
    ko = "암호가 걸린 압축 파일 목록의 크기가 보호 문서와 같음(이름은 다름)"
    en = "the archive is locked; its directory states the protected document's size under another name"
    return Evidence("encrypted_member", 55, ko, en, document, member)


TEXT_LEAST = 6
"""Sampled shingles: about 50 words in the same order."""
_BY_SHINGLES = ((100, 95), (40, 88), (16, 75), (TEXT_LEAST, 55))


def text(document: str, member: str, shared: int, of: int) -> Evidence | None:
    """None when too little is shared to say anything. A short document counts when most of it is there."""
    share = min(100, round(100 * shared / of))
    confidence = next((sure for least, sure in _BY_SHINGLES if shared >= least), 0)
    if not confidence and shared >= 3 and share >= 60:
        confidence = 50
    if not confidence:
        return None
    words = shared * 8
    ko = f"보호 문서의 문장 약 {words:,}단어(글의 {share}%)가 그대로 들어 있음"
    en = f"about {words:,} words of the protected document ({share} % of its text) stand in it"
    return Evidence("text", confidence, ko, en, document, member, share, words)


def not_examined(why: Sequence[Note]) -> Evidence:
    ko, en = "; ".join(note.ko for note in why), "; ".join(note.en for note in why)
    return Evidence("not_examined", 0, f"내용을 끝까지 확인하지 못함: {ko}", f"it could not be examined wholly: {en}")
