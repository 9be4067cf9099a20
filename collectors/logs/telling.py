"""Which log format a text is in, told by its lines; and which one a stated log source asks for."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collectors.logs import (
    access_log,
    audit_record,
    cups,
    daemon_logs,
    database_log,
    dns_log,
    error_log,
    event_xml,
    squid,
    syslog_line,
    w3c,
    windows_pairs,
    zeek,
)
from collectors.logs.access_log import AccessLog
from collectors.logs.auditd import Auditd
from collectors.logs.cups import CupsRequests, PageLog
from collectors.logs.daemon_logs import DaemonLog
from collectors.logs.database_log import DatabaseLog
from collectors.logs.dns_log import DnsLog
from collectors.logs.error_log import ErrorLog
from collectors.logs.event_xml import EventXml
from collectors.logs.plain import PlainText
from collectors.logs.port import LogFormat, Reading
from collectors.logs.squid import Squid
from collectors.logs.syslog import Syslog
from collectors.logs.w3c import W3cExtended
from collectors.logs.windows_pairs import WindowsPairs
from collectors.logs.zeek import ZeekTsv
from collectors.network_devices import log as device_log
from collectors.network_devices.log import DeviceLog
from jikimi.domain.logsource import PRINT_JOB, LogSource

LINES_LOOKED_AT = 200
LEAST_SHARE = 0.1
"""A format is told by one line in ten: logs come damaged, and with other programs' lines between."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A log format: `looks` matches at the beginning of its lines, `gives` is the log source it is read for."""

    name: str
    open: Callable[[Reading], LogFormat]
    looks: re.Pattern[str]
    gives: tuple[LogSource, ...]


def _linux(*services: str) -> tuple[LogSource, ...]:
    return tuple(LogSource(product="linux", service=service) for service in services)


# In the order they are preferred in where they look alike: an audit record behind a syslog header is syslog.
KINDS: tuple[Kind, ...] = (
    Kind("Windows events of Splunk", WindowsPairs, windows_pairs.LOOKS, (LogSource(product="windows"),)),
    Kind("network device log", DeviceLog, device_log.LOOKS, (LogSource(category="firewall"),)),
    Kind("Linux audit log", Auditd, re.compile(f"(?:{audit_record.HEAD.pattern})"), _linux("auditd")),
    Kind("Windows event XML", EventXml, event_xml.LOOKS, (LogSource(product="windows"),)),
    Kind("Zeek log", ZeekTsv, zeek.LOOKS, (LogSource(product="zeek"),)),
    Kind("W3C extended log", W3cExtended, w3c.LOOKS, (LogSource(category="webserver"), LogSource(category="proxy"))),
    Kind("CUPS access log", CupsRequests, cups.REQUESTS_LOOK, ()),
    Kind("access log", AccessLog, access_log.LOOKS, (LogSource(category="webserver"),)),
    Kind("Squid access log", Squid, squid.LOOKS, (LogSource(category="proxy"),)),
    Kind("DNS query log", DnsLog, dns_log.LOOKS, (LogSource(category="dns"),)),
    Kind("CUPS page log", PageLog, cups.PAGES_LOOK, (PRINT_JOB,)),
    Kind(
        "web server error log", ErrorLog, error_log.LOOKS, (error_log.APACHE, error_log.NGINX, *_linux("modsecurity"))
    ),
    Kind("vsftpd or ClamAV log", DaemonLog, daemon_logs.LOOKS, _linux("vsftpd", "clamav")),
    Kind("database log", DatabaseLog, database_log.LOOKS, (LogSource(category="database"),)),
    Kind(
        "system log",
        Syslog,
        syslog_line.LOOKS,
        (*_linux("syslog", "auth", "sshd", "sudo", "cron", "guacamole"), LogSource(product="linux")),
    ),
)
_ANNOUNCED = ("#", "<", "\ufeff<")
_SAY_THEMSELVES = (ZeekTsv, W3cExtended, EventXml)
PLAIN = Kind("text", PlainText, re.compile(""), ())


def told(lines: Iterable[str]) -> Kind | None:
    """The format most of `lines` are in, at least LEAST_SHARE of them; None when they are in none."""
    counts = [0] * len(KINDS)
    seen = 0
    for line in lines:
        if not line.strip():
            continue
        seen += 1
        if line.startswith(_ANNOUNCED) and (kind := _announced(line)) is not None:
            return kind
        for number, kind in enumerate(KINDS):
            if kind.looks.match(line[:4096]) is not None:
                counts[number] += 1
                break
        if seen == LINES_LOOKED_AT:
            break
    best = max(range(len(KINDS)), key=counts.__getitem__)
    return KINDS[best] if counts[best] and counts[best] >= seen * LEAST_SHARE else None


def _announced(line: str) -> Kind | None:
    """W3C, Zeek and XML files say on their first lines what they are."""
    return next((kind for kind in KINDS if kind.open in _SAY_THEMSELVES and kind.looks.match(line)), None)


def asked_for(stated: LogSource, lines: Iterable[str]) -> Kind:
    """How to read text of the log source `stated`.

    By a format that gives it, as told by the lines; else line by line.
    """
    found = told(lines)
    if found is not None and _gives(found, stated):
        return found
    asked = next((kind for kind in KINDS if _gives(kind, stated)), None)
    if asked is not None:
        return asked
    return PLAIN if found is None or found.open is Syslog else found  # a time at the start does not make a system log


def _gives(kind: Kind, stated: LogSource) -> bool:
    return stated in kind.gives or (stated.product, kind.open) in (("zeek", ZeekTsv), ("windows", EventXml))


def keeps_its_own(kind: Kind, stated: LogSource) -> bool:
    """True when the events of `kind` say more exactly what `stated` says, so that it must not be put over them."""
    return _gives(kind, stated)
