"""Windows events as Snare's agent sends them by syslog: fields between tabs, the last the English message in one line.

MSWinEventLog, criticality, log, counter, time, EventID, source, user, SID type, type, computer, category, message.
Source: Prophecy International, "Windows Event Output Format". The time has no zone, the syslog head knows better.
"""

import re

from collectors.logs.windows_message import MESSAGE, read_message
from jikimi.domain.event import Event

MARK = "MSWinEventLog"
_ESCAPED_TAB = "#011"  # as rsyslog writes one
_NAMES = (
    "", "Channel", "", "", "EventID", "Provider_Name", "User", "", "Keywords", "Computer", "Task", MESSAGE,
)  # fmt: skip
_WIDE = re.compile(r"[ \t]{2,}")
"""Of the message's line ends and tabs each became a blank: two are a line's end, or stand between label and value."""
_LABEL = re.compile(r"[A-Z][\w /().-]{0,60}:")
_BEGINS = re.compile(r"[A-Z][\w /().-]{0,60}?:(?: |$)")


def snare_fields(text: str) -> Event | None:
    """The flat event, with what its message says; None for any other text."""
    _, found, rest = text.replace(_ESCAPED_TAB, "\t").partition(f"{MARK}\t")
    parts = rest.split("\t", len(_NAMES))
    if not found or len(parts) < len(_NAMES) or not parts[4].isdecimal():
        return None
    event: Event = {name: value for name, value in zip(_NAMES, parts, strict=False) if name and value != "N/A"}
    event["EventID"] = int(parts[4])
    event[MESSAGE] = "\n".join(_lines(parts[len(_NAMES) - 1]))
    read_message(event)
    return event


def _lines(message: str) -> list[str]:
    """The lines that the message had: a label with its value is one, a heading is one."""
    lines: list[str] = []
    for piece in _WIDE.split(message.strip()):
        if not lines or _BEGINS.match(piece):
            lines.append(piece)
        else:  # a label's value, or two blanks within one
            lines[-1] += f"\t{piece}" if _LABEL.fullmatch(lines[-1]) else f"  {piece}"
    return lines
