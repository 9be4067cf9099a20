"""Text of OLE compound files ([MS-CFB]): HWP 5 documents, doc, xls and ppt of before 2007.

Office documents with a password lie in one, too.
"""

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from collectors.leak import notes
from collectors.leak.budget import Budget
from collectors.leak.excel97 import xls_text
from collectors.leak.hwp import hwp_text
from collectors.leak.powerpoint97 import ppt_text
from collectors.leak.word97 import doc_text

if TYPE_CHECKING:
    from olefile import OleFileIO

_LOCKED = "EncryptedPackage"
"""The stream of an encrypted docx, xlsx or pptx ([MS-OFFCRYPTO] 2.3.4.4)."""
_BEFORE_2007: "tuple[tuple[str, Callable[[OleFileIO, bytes, Budget], str]], ...]" = (
    ("WordDocument", doc_text),
    ("Workbook", xls_text),
    ("Book", xls_text),
    ("PowerPoint Document", ppt_text),
)


def ole_text(file: BinaryIO, budget: Budget) -> str:
    """The words; none when there are none that can be read. Raises Exhausted, OSError (damaged)."""
    import olefile

    try:
        with olefile.OleFileIO(file) as document:
            if document.exists(_LOCKED):
                budget.lock(notes.LOCKED)
                return ""
            return hwp_text(document, budget) or _office_text(document, budget)
    except (struct.error, IndexError, ValueError, TypeError) as error:  # olefile lets these through for damaged files
        raise OSError(f"damaged OLE document ({type(error).__name__})") from error


def _office_text(document: "OleFileIO", budget: Budget) -> str:
    for stream, text in _BEFORE_2007:
        if document.exists(stream):
            raw = document.openstream(stream).read(budget.caps.nested_bytes)
            budget.unpack(len(raw))
            return text(document, raw, budget)[: budget.caps.characters]
    return ""
