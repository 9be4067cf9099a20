"""Text of the office formats that are zip archives of XML: docx, xlsx, pptx, hwpx, odt, ods, odp.

Sources: ECMA-376, KS X 6101 (OWPML), OpenDocument 1.3. Only the words are wanted, in reading order; a paragraph's end
is a space, so that no two words run together.
"""

import html
import re
import zipfile

from collectors.leak import notes, sheets
from collectors.leak.budget import Budget

_PARTS = {
    "word/": re.compile(r"word/(?:document|footnotes|endnotes|comments|header\d*|footer\d*)\.xml\Z"),
    "xl/": re.compile(r"xl/(?:sharedStrings|worksheets/sheet\d+)\.xml\Z"),
    "ppt/": re.compile(r"ppt/(?:slides/slide|notesSlides/notesSlide)\d+\.xml\Z"),
    "Contents/": re.compile(r"Contents/section\d+\.xml\Z"),
    "content.xml": re.compile(r"content\.xml\Z"),
}
_BREAK = re.compile(r"</(?:\w+:)?(?:p|h|row|c|si|tc)>|<(?:\w+:)?(?:br|tab|lineBreak)\b[^>]*>")
_TAG = re.compile(r"<[^>]*>")
_MANIFEST = "META-INF/manifest.xml"
_NUMBER = re.compile(r"(\d+)")


def is_office(names: list[str]) -> bool:
    """Whether an archive with these members is one document and not many files."""
    known = set(names)
    return "[Content_Types].xml" in known or ("mimetype" in known and bool(known & {"content.xml", "version.xml"}))


def office_text(archive: zipfile.ZipFile, budget: Budget) -> str:
    """Raises Exhausted, zipfile.BadZipFile and zlib.error (damaged), RuntimeError (encrypted)."""
    if _is_locked(archive, budget):
        budget.lock(notes.LOCKED)
        return ""
    wanted = [name for name in archive.namelist() if any(part.match(name) for part in _PARTS.values())]
    told: list[str] = []
    shared: list[str] = []
    left = budget.caps.characters
    for name in sorted(wanted, key=_in_order):
        if left <= 0:
            budget.note(notes.long_text(f"{budget.caps.characters:,}"))
            break
        with archive.open(name) as part:
            xml = budget.unpacked(part, left * 8).decode("utf-8", "ignore")
        if name == "xl/sharedStrings.xml":
            shared = sheets.shared_strings(xml)
            continue
        text = _words(sheets.with_texts(xml, shared) if name.startswith("xl/worksheets/") else xml)[:left]
        left -= len(text)
        told.append(text)
    return " ".join(told)


def _is_locked(archive: zipfile.ZipFile, budget: Budget) -> bool:
    """OpenDocument and HWPX encrypt member by member and say so in the manifest (OpenDocument 1.3 part 2, 4.3)."""
    if _MANIFEST not in archive.namelist():
        return False
    with archive.open(_MANIFEST) as manifest:
        return b"encryption-data" in budget.unpacked(manifest, 1 << 20)


def _words(xml: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub(" ", xml)))


def _in_order(name: str) -> list[tuple[int, str]]:
    """slide2 before slide10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in _NUMBER.split(name)]
