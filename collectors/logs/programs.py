"""What the messages of well-known Linux programs tell: the Sigma service they belong to, and fields out of the text.

Sigma's rules on these services look for words in `message`; the fields serve our own rules: `User`, `SourceIp`,
`SourcePort`, `Outcome` (`success`, `failure`), and sudo's own names (USER, COMMAND, TTY, PWD), which SigmaHQ's rules
use.
"""

import re
from collections.abc import Callable

from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource

_SERVICES = {
    "sshd": "sshd", "sshd-session": "sshd", "sshd-auth": "sshd", "sudo": "sudo", "cron": "cron", "crond": "cron",
    "crontab": "cron", "anacron": "cron", "atd": "cron", "su": "auth", "login": "auth", "pkexec": "auth",
    "polkitd": "auth", "useradd": "auth", "userdel": "auth", "usermod": "auth", "groupadd": "auth", "gpasswd": "auth",
    "passwd": "auth", "chpasswd": "auth", "chage": "auth", "systemd-logind": "auth", "gdm-password": "auth",
    "vsftpd": "vsftpd", "clamd": "clamav", "clamav": "clamav", "clamscan": "clamav", "freshclam": "clamav",
    "clamdscan": "clamav", "guacd": "guacamole", "guacamole": "guacamole", "modsecurity": "modsecurity",
    "nginx": "nginx", "apache2": "apache", "httpd": "apache",
}  # fmt: skip
_WEB = ("nginx", "apache")

MOST_READ = 4096
"""Characters of a message that fields are looked for in: a longer one is an attack on the reader, not a message."""

# A name is what the other side says it is, "root from 192.0.2.1 port 22" too: the address is the last one of the line.
_ADDRESS = r"(?P<SourceIp>[0-9A-Fa-f.:]{2,45}(?:%[\w.-]{1,16})?)"
_FROM = rf"from {_ADDRESS}"
_PORT = r"port (?P<SourcePort>\d{1,5})"
_USER = r"(?:invalid user )?(?P<User>.*)"
_SSHD = [
    (re.compile(rf"Accepted (?P<Method>\S+) for (?P<User>.*) {_FROM} {_PORT}"), "success"),
    (re.compile(rf"Failed (?P<Method>\S+) for {_USER} {_FROM} {_PORT}"), "failure"),
    (re.compile(rf"Invalid user (?P<User>.*) {_FROM}(?: {_PORT})?"), "failure"),
    (re.compile(rf"authentication failures?;.* rhost={_ADDRESS}(?:\s+user=(?P<User>\S+))?"), "failure"),
    (re.compile(rf"maximum authentication attempts exceeded for {_USER} {_FROM} {_PORT}"), "failure"),
]
_SUDO_FIELD = re.compile(r"\b(TTY|PWD|USER|GROUP|ENV|TSID|COMMAND)=")
_SU = re.compile(
    r"(?P<failed>FAILED SU )?\(to (?P<User>\S+)\) (?P<By>\S+) on"
    r"|(?:Successful|(?P<refused>FAILED)) su for (?P<to>\S+) by (?P<from>\S+)"
)
_CRON = re.compile(
    r"\((?P<User>[^)]+)\) (?P<Action>CMD|REPLACE|LIST|BEGIN EDIT|END EDIT|DELETE|RELOAD|EDIT)\s*"
    r"(?:\(\s*(?P<Command>.*)\))?"
)
_FILTER = re.compile(
    r"\bIN=(?P<In>\S*) OUT=(?P<Out>\S*) "
    r".{0,256}?\bSRC=(?P<src_ip>\S+) DST=(?P<dst_ip>\S+) .{0,256}?\bPROTO=(?P<proto>\S+)"
)
_PORTS = re.compile(r"\bSPT=(?P<src_port>\d+) DPT=(?P<dst_port>\d+)")
_REFUSED = re.compile(r"\b(?:BLOCK|DROP|DENY|DENIED|REJECT)", re.IGNORECASE)
_UBIQUITI = re.compile(r"\[[\w-]{1,64}?-(?P<verdict>[ADR])(?:-\d{1,12})?\]")  # set of rules, number, what it did

FOUND = LogSource(product="linux", category="antivirus", service="clamav")
_CLAMAV = re.compile(r"(?P<Filename>\S.{0,2048}?): (?P<Signature>\S{1,256}) FOUND\b")


def source_of(program: str, fields: Event) -> LogSource:
    """The log source of a program's message in the system log; `syslog` for one without a service of its own."""
    if "Signature" in fields:
        return FOUND
    service = _SERVICES.get(program, "syslog")
    return LogSource(service=service) if service in _WEB else LogSource(product="linux", service=service)


def fields_of_message(program: str, message: str) -> Event:
    """Fields read out of a message; empty when it says nothing that is known."""
    read = _READERS.get(_SERVICES.get(program, program))
    return read(message[:MOST_READ]) if read is not None else {}


def _sshd(message: str) -> Event:
    for pattern, outcome in _SSHD:
        if (found := pattern.search(message)) is not None:
            return _found(found) | {"Outcome": outcome}
    return {}


def _found(match: "re.Match[str]") -> Event:
    return {name: int(value) if name == "SourcePort" else value for name, value in match.groupdict().items() if value}


def _sudo(message: str) -> Event:
    """`kim : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/home/kim ; USER=root ; COMMAND=/bin/sh`."""
    user, parted, rest = message.partition(" : ")
    if not parted or "USER=" not in rest:
        return {}
    starts = list(_SUDO_FIELD.finditer(rest))
    event: Event = {"User": user.strip()}
    refused = rest[: starts[0].start()].strip(" ;")
    for number, start in enumerate(starts):
        last = start[1] == "COMMAND" or number + 1 == len(starts)
        event[start[1]] = rest[start.end() : None if last else starts[number + 1].start()].strip(
            " ;" if not last else " "
        )
        if start[1] == "COMMAND":
            break
    return event | {"Outcome": "failure" if refused else "success"}


def _auth(message: str) -> Event:
    found = _SU.match(message)
    if found is not None:
        failed = found["failed"] or found["refused"]
        event = {"User": found["User"] or found["to"], "By": found["By"] or found["from"]}
        return event | {"Outcome": "failure" if failed else "success"}
    return {"Outcome": "failure"} if "authentication failure" in message else {}


def scan_fields(message: str) -> Event:
    """Filename and Signature (Sigma's category antivirus) of what ClamAV found; empty for its other lines."""
    found = _CLAMAV.match(message[:MOST_READ])
    return _found(found) if found is not None else {}


def _cron(message: str) -> Event:
    found = _CRON.search(message)
    return _found(found) if found is not None else {}


def firewall_fields(message: str) -> Event:
    """Sigma's firewall fields of a line netfilter logs (`IN=eth0 OUT= … SRC=… DST=… PROTO=TCP SPT=… DPT=…`).

    Or none.
    """
    message = message[:MOST_READ]
    found = _FILTER.search(message)
    if found is None:
        return {}
    event = {name: value for name, value in found.groupdict().items() if value and name not in ("In", "Out")}
    if (ports := _PORTS.search(message)) is not None:
        event |= {name: int(value) for name, value in ports.groupdict().items() if len(value) < 6}
    before = message[: found.start()]
    verdict = _UBIQUITI.search(before)
    refused = verdict["verdict"] != "A" if verdict else _REFUSED.search(before) is not None
    return event | {"action": "blocked" if refused else "accept", "blocked": "true" if refused else "false"}


_READERS: dict[str, Callable[[str], Event]] = {
    "sshd": _sshd,
    "sudo": _sudo,
    "auth": _auth,
    "cron": _cron,
    "clamav": scan_fields,
}
