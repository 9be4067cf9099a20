"""Text of PDF files, through pypdf."""

import logging
from typing import BinaryIO

from collectors.leak import notes
from collectors.leak.budget import Budget


def pdf_text(file: BinaryIO, budget: Budget) -> str:
    """The words of the pages, as far as they hold any (a scan has none). Raises Exhausted, OSError (damaged)."""
    import pypdf
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    told: list[str] = []
    left = budget.caps.characters
    try:
        reader = pypdf.PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            budget.lock(notes.LOCKED)
            return ""
        for number, page in enumerate(reader.pages):
            if number >= budget.caps.pages or left <= 0:
                budget.note(notes.many_pages(number))
                break
            budget.hurry()
            told.append(page.extract_text()[:left])
            left -= len(told[-1])
    except (PyPdfError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise OSError(f"damaged PDF ({type(error).__name__})") from error  # pypdf lets these through for damaged files
    return " ".join(told)
