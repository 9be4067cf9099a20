"""Names in a zip archive as their maker meant them.

A name without the UTF-8 flag is "code page 437" by the letter (APPNOTE.TXT 4.4.4, D.1), and so Python reads it; but
Korean Windows writes CP949 there, and zip on Linux UTF-8.
"""

import zipfile

_SAYS_UTF8 = 0x800


def name_of(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _SAYS_UTF8 or info.filename.isascii():
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename
