"""Logs of operating systems and servers as events, one format a file. Pure: lines in, events out.

    log = Auditd(Reading(now=utc_now, zone=local_zone, lost=count))   # one object a log
    for line in lines:                                                # text without its line end
        for logsource, event in log.feed(line): ...
    for logsource, event in log.flush(): ...                          # at the end, or when a followed log pauses

`feed` never raises: a line that should have given an event and did not is told to `lost`. Events carry Sigma's field
names and, where the line told a readable time, `@timestamp`. Formats: `Auditd Syslog EventXml AccessLog ErrorLog
W3cExtended Squid DnsLog ZeekTsv PageLog CupsRequests DaemonLog DatabaseLog WindowsPairs PlainText`;
`telling.told(lines)` says which one a text is in. Objects of JSON logs (`journalctl -o json`, Zeek, laurel) go through
`LogObjects.take`, messages from elsewhere (a syslog listener) through `Messages.take`.
"""

from collectors.logs.access_log import AccessLog
from collectors.logs.auditd import Auditd
from collectors.logs.cups import CupsRequests, PageLog
from collectors.logs.daemon_logs import DaemonLog
from collectors.logs.database_log import DatabaseLog
from collectors.logs.dns_log import DnsLog
from collectors.logs.error_log import ErrorLog
from collectors.logs.event_xml import EventXml
from collectors.logs.messages import Messages
from collectors.logs.objects import LogObjects
from collectors.logs.plain import PlainText
from collectors.logs.port import LogFormat, Reading
from collectors.logs.squid import Squid
from collectors.logs.syslog import Syslog
from collectors.logs.w3c import W3cExtended
from collectors.logs.windows_pairs import WindowsPairs
from collectors.logs.zeek import ZeekTsv

__all__ = [
    "AccessLog",
    "Auditd",
    "CupsRequests",
    "DaemonLog",
    "DatabaseLog",
    "DnsLog",
    "ErrorLog",
    "EventXml",
    "LogFormat",
    "LogObjects",
    "Messages",
    "PageLog",
    "PlainText",
    "Reading",
    "Squid",
    "Syslog",
    "W3cExtended",
    "WindowsPairs",
    "ZeekTsv",
]
