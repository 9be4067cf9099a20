"""One line of the Linux audit log as a record: type, serial number, time, decoded fields.

Written from auditd's own description (auditd.conf(5), ausearch(8)) and the kernel's kernel/audit.c: strings a user
can choose are either quoted or, when they hold a blank, a quote or a control character, written in hexadecimal
without quotes.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from collectors.logs.syscalls import syscall_name
from collectors.stamps import stamp_of
from jikimi.domain.event import TIMESTAMP, Event

HEAD = re.compile(
    r"(?:node=(?P<node>\S+) )?(?:type=(?P<type>[\w\[\]]+)\s+)(?:msg=)?audit\("
    r"(?P<time>[^():]*(?::\d\d:\d\d)?[.\d]*(?: [AP]M)?)"
    r":(?P<serial>\d+)\)\s*:\s*"
)
# A name, then a value: "…", '…' (a message of a program, with fields of its own), {…}, or up to the next blank. Every
# part has a bound, so that no line takes more than its length.
_FIELD = re.compile(
    r"(?<![A-Za-z0-9_.-])([A-Za-z_][A-Za-z0-9_.-]{0,63}(?:\[[0-9]{1,6}\])?)="
    r"""("[^"]*"|'(?:[^']|'(?=[^\s])){0,4096}'|\{[^}]{0,1024}\}|[^\s"']*)"""
)
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_ARGUMENT = re.compile(r"a\d+(?:\[\d+\])?")
_CODED = frozenset({
    "proctitle", "comm", "exe", "name", "cwd", "path", "acct", "cmd", "data", "key", "dir", "watch", "file", "vm",
    "ocomm", "root_dir", "grp", "new-disk", "old-disk", "root", "obj_path", "device", "sw", "exec",
})  # fmt: skip
_NUMBERED = {
    "1006": "LOGIN", "1100": "USER_AUTH", "1101": "USER_ACCT", "1103": "CRED_ACQ", "1104": "CRED_DISP",
    "1105": "USER_START", "1106": "USER_END", "1107": "USER_AVC", "1108": "USER_CHAUTHTOK", "1109": "USER_ERR",
    "1110": "CRED_REFR", "1112": "USER_LOGIN", "1113": "USER_LOGOUT", "1114": "ADD_USER", "1115": "DEL_USER",
    "1116": "ADD_GROUP", "1117": "DEL_GROUP", "1123": "USER_CMD", "1124": "USER_TTY", "1130": "SERVICE_START",
    "1131": "SERVICE_STOP", "1300": "SYSCALL", "1302": "PATH", "1303": "IPC", "1305": "CONFIG_CHANGE",
    "1306": "SOCKADDR", "1307": "CWD", "1309": "EXECVE", "1319": "TTY", "1320": "EOE", "1326": "SECCOMP",
    "1327": "PROCTITLE", "1330": "KERN_MODULE", "1334": "BPF", "1400": "AVC", "1403": "MAC_POLICY_LOAD",
}  # fmt: skip
_INTERPRETED = ("%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%m/%d/%y %H:%M:%S")


class Record(NamedTuple):
    """`key` names the event the record is part of: node, time and serial number, as the kernel gave them."""

    type: str
    key: str
    event: Event

    def text(self, name: str) -> str:
        """A field's text; empty when it is missing."""
        value = self.event.get(name, "")
        return value if isinstance(value, str) else ""


def record_of(line: str, zone: tzinfo = UTC) -> Record | None:
    """The record in `line`, also after a syslog header, or None. `zone` is that of `ausearch -i`'s times."""
    head = HEAD.search(line)
    if head is None:
        return None
    kind = _NUMBERED.get(head["type"].removeprefix("UNKNOWN[").removesuffix("]"), head["type"])
    event: Event = {"type": kind, "serial": head["serial"]}
    stamp = _stamp(head["time"], zone)
    if stamp is not None:
        event[TIMESTAMP] = stamp
    if head["node"]:
        event["Hostname"] = head["node"]
    text = line[head.end() :]
    if kind == "PROCTITLE" and text.startswith("proctitle=") and " " in text and text[10] != '"':
        event["proctitle"] = text.removeprefix("proctitle=").strip()  # interpreted: blanks are not quoted
    else:
        _add_fields(event, kind, text, coded=_SECONDS.fullmatch(head["time"]) is not None)
    if kind == "SYSCALL":
        _name_the_call(event)
    return Record(kind, f"{head['node'] or ''}|{head['time']}|{head['serial']}", event)


def _stamp(text: str, zone: tzinfo) -> str | None:
    seconds, _, fraction = text.partition(".")
    try:
        if seconds.isascii() and seconds.isdigit():
            micro = int(fraction[:6].ljust(6, "0")) if fraction.isdigit() else 0
            return stamp_of(datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=micro))
        for form in _INTERPRETED:
            try:
                moment = datetime.strptime(seconds, form)  # noqa: DTZ007 - the zone is added below
            except ValueError:
                continue
            micro = int(fraction[:3].ljust(3, "0")) * 1000 if fraction[:3].isdigit() else 0
            return stamp_of(moment.replace(microsecond=micro, tzinfo=zone))
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _add_fields(event: Event, kind: str, text: str, *, coded: bool) -> None:
    """The fields of `text`; those of a program's own message (msg='…') count as the record's.

    `coded`: as the kernel wrote it; what `ausearch -i` prints is decoded already.
    """
    for name, raw in _FIELD.findall(text):
        if raw[:1] == "'" and name == "msg":
            _add_fields(event, kind, raw[1:-1].replace("msg=", ""), coded=coded)
            continue
        value = _decoded(name, raw, kind, coded=coded)
        if value is not None and name != "type":
            event.setdefault(name, value)


def _decoded(name: str, raw: str, kind: str, *, coded: bool) -> str | list[str] | None:
    if raw[:1] in ('"', "'", "{"):
        return raw[1:-1]
    if raw in ("(null)", ""):
        return None
    coded = coded and (name in _CODED or (kind == "EXECVE" and _ARGUMENT.fullmatch(name) is not None))
    if not coded or not _HEX.fullmatch(raw):
        return raw
    content = bytes.fromhex(raw).decode("utf-8", "replace")
    if name == "proctitle":
        return content.rstrip("\0").replace("\0", " ")
    if name == "key" and "\x01" in content:
        return content.split("\x01")
    return content


def _name_the_call(event: Event) -> None:
    """`SYSCALL`, the call by name.

    As auditd writes it with log_format = ENRICHED; `ausearch -i` puts it in `syscall`.
    """
    if "SYSCALL" in event:
        return
    call = str(event.get("syscall", ""))
    if not call:
        return
    name = syscall_name(str(event.get("arch", "")), call) if call.isdigit() else call
    if name is not None:
        event["SYSCALL"] = name
