"""From a file's bytes to the shingles of its text, whatever format it has."""

import io
import zipfile
import zlib
from typing import BinaryIO

from collectors.leak import notes
from collectors.leak.budget import Budget
from collectors.leak.cad import drawing_words, telling
from collectors.leak.kinds import Kind
from collectors.leak.office import office_text
from collectors.leak.ole import ole_text
from collectors.leak.pdf import pdf_text
from collectors.leak.plain import decoded, plain
from collectors.leak.rtf import is_rtf, rtf_text
from collectors.leak.shingles import shingles, text_shingles

NONE: frozenset[int] = frozenset()


def marks_of(file: BinaryIO, kind: Kind, budget: Budget, office: zipfile.ZipFile | None = None) -> frozenset[int]:
    """Empty for what holds no text. A damaged document is noted, not raised. Raises Exhausted."""
    try:
        if office is not None:
            return text_shingles(office_text(office, budget))
        if kind == "pdf":
            return text_shingles(pdf_text(file, budget))
        if kind == "ole":
            return text_shingles(ole_text(file, budget))
        if kind == "":
            return _of_text(file, budget)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        budget.note(notes.damaged("", error))
    return NONE


def _of_text(file: BinaryIO, budget: Budget) -> frozenset[int]:
    file.seek(0)
    most = budget.caps.characters
    raw = file.read(most + 1)
    if len(raw) > most:
        raw = raw[:most]
        if decoded(raw[:65536]) is not None:
            budget.note(notes.long_text(f"{most >> 20} MiB"))
    text = decoded(raw)
    if text is None:
        return NONE
    if is_rtf(text):
        return text_shingles(rtf_text(text))
    drawing = drawing_words(text)
    return text_shingles(plain(text)) if drawing is None else shingles(drawing, telling)


def memory(content: bytes) -> BinaryIO:
    return io.BytesIO(content)
