"""Text of OLE compound files ([MS-CFB]): HWP 5 documents. Office documents with a password lie in one, too."""

import struct
from typing import BinaryIO

from collectors.leak import notes
from collectors.leak.budget import Budget
from collectors.leak.hwp import hwp_text

_LOCKED = "EncryptedPackage"
"""The stream of an encrypted docx, xlsx or pptx ([MS-OFFCRYPTO] 2.3.4.4)."""


def ole_text(file: BinaryIO, budget: Budget) -> str:
    """The words; none when there are none that can be read. Raises Exhausted, OSError (damaged)."""
    import olefile

    try:
        with olefile.OleFileIO(file) as document:
            if document.exists(_LOCKED):
                budget.lock(notes.LOCKED)
                return ""
            return hwp_text(document, budget)
    except (struct.error, IndexError, ValueError, TypeError) as error:  # olefile lets these through for damaged files
        raise OSError(f"damaged OLE document ({type(error).__name__})") from error
