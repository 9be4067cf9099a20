"""What a file is, told by its content; its name only helps the sentence."""

import enum
import re

from collectors.files.evtx_header import is_log
from collectors.files.lines import HEADING
from collectors.logs.telling import Kind, asked_for, told
from jikimi.domain.logsource import LogSource
from jikimi.errors import Misconfigured

HEAD_BYTES = 64 * 1024


class Format(enum.Enum):
    EVTX = "Windows event log"
    LINES = "JSON lines"
    LOG = "log lines"
    TEXT = "JSON array or pretty-printed JSON"
    PCAP = "pcap"
    PCAPNG = "pcapng"
    ZIP = "zip"
    GZIP = "gzip"
    EMPTY = "empty file"


READABLE = (
    "Jikimi reads .evtx, JSON lines, JSON arrays, .pcap, .pcapng and system, audit, web, proxy, DNS, Zeek and firewall "
    "logs, also inside .zip and .gz; other text when --logsource says what it is"
)

_MAGIC = {
    b"PK\x03\x04": Format.ZIP,
    b"PK\x05\x06": Format.ZIP,
    b"\x1f\x8b": Format.GZIP,
    b"\xa1\xb2\xc3\xd4": Format.PCAP,
    b"\xd4\xc3\xb2\xa1": Format.PCAP,
    b"\xa1\xb2\x3c\x4d": Format.PCAP,
    b"\x4d\x3c\xb2\xa1": Format.PCAP,
    b"\xa1\xb2\xcd\x34": Format.PCAP,
    b"\x34\xcd\xb2\xa1": Format.PCAP,
    b"\x0a\x0d\x0d\x0a": Format.PCAPNG,
}
_FOREIGN = {
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive: unpack it first",
    b"\xfd7zXZ": "an xz file: unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstd file: unpack it first",
    b"BZh": "a bzip2 file: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"LfLe": "an event log of Windows XP (.evt): save it as .evtx first",
    b"%PDF": "a PDF document",
    b"MZ": "a Windows program",
    b"\x7fELF": "a Linux program",
}
_EVENT = re.compile(r"<Event[\s>]")


def format_of(head: bytes, name: str, stated: LogSource | None = None) -> Format:
    """The format of content that begins with `head` (at most HEAD_BYTES). Raises Misconfigured for a foreign one.

    Text of no known form is a log when `stated` says which.
    """
    if not head:
        return Format.EMPTY
    if is_log(head):
        return Format.EVTX
    for magic, found in _MAGIC.items():
        if head.startswith(magic):
            return found
    text = HEADING.sub("", _text(head).lstrip("\ufeff\x00 \t\r\n"), count=1)
    if not text:
        return Format.EMPTY if len(head) < HEAD_BYTES else _refuse(name, "only blanks or zero bytes at its start")
    if text.startswith("[") and text[1:].lstrip()[:1] in ("{", "]"):
        return Format.TEXT
    if text.startswith("{"):
        return Format.TEXT if _is_pretty(text) else Format.LINES
    for magic, words in _FOREIGN.items():
        if head.startswith(magic):
            return _refuse(name, words)
    return _of_text(text, name, stated)


def _of_text(text: str, name: str, stated: LogSource | None) -> Format:
    if not _is_written(text):
        return _refuse(name, "not a format that can be read")
    if text.startswith(("<?xml", "<Events")) and _EVENT.search(text) is None:
        return _refuse(name, "XML, and no Windows events in it")
    if told(text.split("\n")) is not None:
        return Format.LOG
    if any(line.lstrip().startswith("{") for line in text.splitlines()[:1000]):
        return Format.LINES
    return Format.LOG if stated is not None else _refuse(name, "not a format that can be read")


def log_kind(head: bytes, stated: LogSource | None) -> Kind | None:
    """Which log the lines at the beginning of a file are, where `stated` is not another."""
    lines = _text(head).split("\n")
    return told(lines) if stated is None else asked_for(stated, lines)


def _text(head: bytes) -> str:
    if b"\x00" in head[:4] or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        big = head[:2] == b"\xfe\xff" or head[:1] == b"\x00"
        return head.decode("utf-16-be" if big else "utf-16-le", "replace")
    return head.decode("utf-8", "replace")


def _is_written(text: str) -> bool:
    """Text, perhaps with damaged lines, and not bytes among which a brace begins a line by chance."""
    return text.count("\ufffd") + text.count("\x00") < len(text) // 4


def _is_pretty(text: str) -> bool:
    """An object that opens on the first line and does not close there is spread over lines."""
    first = text.split("\n", 1)[0].rstrip()
    return "\n" in text and (first == "{" or first.endswith(("{", ",", "[")))


def _refuse(name: str, what: str) -> Format:
    raise Misconfigured(f"{name}: {what}. {READABLE}.")
