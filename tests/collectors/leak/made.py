"""Documents for the tests, made on the spot: words from a seed, wrapped as the formats that offices use."""

import random
import struct
import zipfile
import zlib
from pathlib import Path
from xml.sax.saxutils import escape

_SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"


def words(count: int, seed: int) -> list[str]:
    """Korean-looking words; another seed shares no sentence with this one."""
    dice = random.Random(seed)
    return ["".join(dice.choices(_SYLLABLES, k=dice.randint(2, 4))) for _ in range(count)]


def text(count: int, seed: int) -> str:
    return " ".join(words(count, seed))


def docx(path: Path, *paragraphs: str) -> Path:
    body = "".join(f"<w:p><w:r><w:t>{escape(p)}</w:t></w:r></w:p>" for p in paragraphs)
    return _office(path, {"word/document.xml": f'<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>'})


def pptx(path: Path, *slides: str) -> Path:
    return _office(
        path,
        {
            f"ppt/slides/slide{n}.xml": f"<p:sld><a:p><a:r><a:t>{s}</a:t></a:r></a:p></p:sld>"
            for n, s in enumerate(slides, 1)
        },
    )


def xlsx(path: Path, *cells: str) -> Path:
    shared = "".join(f"<si><t>{escape(cell)}</t></si>" for cell in cells)
    rows = "".join(f'<row><c r="A{n}" t="s"><v>{n - 1}</v></c></row>' for n in range(1, len(cells) + 1))
    return _office(
        path, {"xl/sharedStrings.xml": f"<sst>{shared}</sst>", "xl/worksheets/sheet1.xml": f"<ws>{rows}</ws>"}
    )


def sheet(path: Path, rows: list[list[str]]) -> Path:
    """As Excel writes it: numbers in the cells, texts apart, each once, in an order of its own."""
    texts = sorted({cell for row in rows for cell in row if not cell.isdigit()})
    shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    body = ""
    for row in rows:
        cells = (f"<c><v>{c}</v></c>" if c.isdigit() else f'<c r="A1" t="s"><v>{texts.index(c)}</v></c>' for c in row)
        body += f"<row>{''.join(cells)}</row>"
    return _office(
        path, {"xl/sharedStrings.xml": f"<sst>{shared}</sst>", "xl/worksheets/sheet1.xml": f"<ws>{body}</ws>"}
    )


def rtf(path: Path, said: str, *, by_code_page: bool = False) -> Path:
    if by_code_page:
        body = "".join(chr(b) if b < 128 else f"\\'{b:02x}" for b in said.encode("cp949"))
    else:
        body = "".join(c if c.isascii() else f"\\u{ord(c) - (ord(c) > 32767) * 65536}\\'3f" for c in said)
    path.write_text("{\\rtf1\\ansi{\\fonttbl{\\f0 Batang;}}\\pard\\f0\\fs20 " + body.replace(" ", " \\b0 ") + "\\par}")
    return path


def hwpx(path: Path, *paragraphs: str) -> Path:
    body = "".join(f"<hp:p><hp:run><hp:t>{p}</hp:t></hp:run></hp:p>" for p in paragraphs)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/hwp+zip")
        archive.writestr("version.xml", "<v/>")
        archive.writestr("Contents/section0.xml", f"<hs:sec>{body}</hs:sec>")
    return path


def _office(path: Path, parts: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        for name, xml in parts.items():
            archive.writestr(name, xml)
    return path


def pdf(path: Path, *pages: str) -> Path:
    """ASCII only: one font of the fourteen that every reader has."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for page in pages:
        lines = [page[at : at + 80] for at in range(0, len(page), 80)]
        stream = "BT /F1 10 Tf 40 800 Td 12 TL " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        content = len(objects)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /Contents {content} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} /MediaBox [0 0 600 840] >>"
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    start = len(out)
    out += f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += f"trailer << /Size {len(places) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    path.write_bytes(out)
    return path


def hwp(path: Path, *paragraphs: str, flags: int = 1) -> Path:
    """An HWP 5 document: FileHeader and one compressed section of paragraph texts."""
    section = b""
    for paragraph in paragraphs:
        control = struct.pack("<8H", 2, 0, 0, 0, 0, 0, 0, 2)  # an inline control, as a section's first paragraph has
        payload = control + paragraph.encode("utf-16-le") + b"\r\0"
        section += struct.pack("<II", 67 | 1 << 10 | 0xFFF << 20, len(payload)) + payload
    packer = zlib.compressobj(wbits=-15)
    header = (b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", 0x05000300, flags)).ljust(256, b"\0")
    path.write_bytes(compound({"FileHeader": header, "BodyText/Section0": packer.compress(section) + packer.flush()}))
    return path


def compound(streams: dict[str, bytes]) -> bytes:
    """An OLE compound file ([MS-CFB]) of 512-byte sectors; every stream padded past the mini stream's limit."""
    free, end = 0xFFFFFFFF, 0xFFFFFFFE
    folders = sorted({name.split("/")[0] for name in streams if "/" in name})
    fat: list[int] = []
    body = b""

    def store(content: bytes) -> tuple[int, int]:
        nonlocal body
        padded = content.ljust(max(4096, -(-len(content) // 512) * 512), b"\0")
        start, count = len(fat), len(padded) // 512
        fat.extend([*range(start + 1, start + count), end])
        body += padded
        return start, len(padded)

    entries = [("Root Entry", 5, free, free, 1, end, 0)]
    tops = [name for name in streams if "/" not in name]
    names = [*tops, *folders]
    for at, name in enumerate(names):
        right = at + 2 if at + 1 < len(names) else free
        if name in folders:
            entries.append((name, 1, free, right, free, 0, 0))
        else:
            entries.append((name, 2, free, right, free, *store(streams[name])))
    for at, folder in enumerate(names, 1):
        inside = [name for name in streams if name.startswith(folder + "/")]
        for number, name in enumerate(inside):
            if number == 0:
                entries[at] = (*entries[at][:4], len(entries), *entries[at][5:])
            right = len(entries) + 1 if number + 1 < len(inside) else free
            entries.append((name.split("/", 1)[1], 2, free, right, free, *store(streams[name])))
    raw = b""
    for name, kind, left, right, child, start, size in entries:
        label = name.encode("utf-16-le") + b"\0\0"
        raw += label.ljust(64, b"\0") + struct.pack("<HBBIII", len(label), kind, 1, left, right, child)
        raw += b"\0" * 36 + struct.pack("<IQ", start, size)
    raw = raw.ljust(-(-len(raw) // 512) * 512, b"\0")
    directory = len(fat)
    fat.extend([*range(directory + 1, directory + len(raw) // 512), end])
    body += raw
    fat_at = len(fat)
    count = -(-(len(fat) + 1) // 128)
    while -(-(len(fat) + count) // 128) > count:
        count += 1
    fat.extend([0xFFFFFFFD] * count)
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(count * 512, b"\xff")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    head += b"\0" * 6 + struct.pack("<IIIIIIIII", 0, count, directory, 0, 4096, end, 0, end, 0)
    head += struct.pack("<109I", *(fat_at + n if n < count else free for n in range(109)))
    return head + body + table
