"""Which text logs of a Linux computer are followed: those known by heart, and those its owner names."""

import glob
import os
from collections.abc import Sequence

from collectors.sources.rotated import is_rotated

MOST_FILES = 200
SYSTEM = ("/var/log/syslog", "/var/log/messages", "/var/log/auth.log", "/var/log/secure", "/var/log/cron",
          "/var/log/maillog")  # fmt: skip
SERVERS = (
    "/var/log/audit/audit.log",
    "/var/log/nginx/*access*.log",
    "/var/log/nginx/*error*.log",
    "/var/log/apache2/*access*.log",
    "/var/log/apache2/*error*.log",
    "/var/log/httpd/*access_log",
    "/var/log/httpd/*error_log",
    "/var/log/tomcat*/*access_log*",
    "/var/log/haproxy.log",
    "/var/log/squid/access.log",
    "/var/log/cups/page_log",
    "/var/log/cups/access_log",
    "/var/log/vsftpd.log",
    "/var/log/clamav/clamav.log",
    "/var/log/named/*query*.log",
    "/var/log/dnsmasq.log",
)


def log_files(patterns: Sequence[str]) -> dict[str, str]:
    """Files by path, each with the first pattern that names it, the last changed first; not what rotation made."""
    found: dict[str, str] = {}
    for pattern in patterns:
        for path in glob.glob(pattern):
            if os.path.isfile(path) and not is_rotated(path):
                found.setdefault(path, pattern)
    return dict(sorted(found.items(), key=lambda item: (-_changed(item[0]), item[0])))


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
