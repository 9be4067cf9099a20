"""What delivers each log source, and why nothing delivers some: the table behind "blind" (docs/log-sources.md).

A rule is blind when no input of ours brings events of its log source by itself: a computer with the agent, a device
that sends to it, or a file whose content tells what it is. A log that exists only behind a vendor's interface is such
a case, although an export of it can be read by stating its log source.
"""

from collections.abc import Iterable
from typing import NamedTuple

from jikimi.domain import windows
from jikimi.domain.logsource import LogSource


class Delivered(NamedTuple):
    """Log sources of `product` (None: of no product) with one of `categories` and `services`, and what brings them."""

    product: str | None
    categories: frozenset[str]
    services: frozenset[str]
    by: str


def _delivered(product: str | None, by: str, categories: Iterable[str] = (), services: Iterable[str] = ()) -> Delivered:
    return Delivered(product, frozenset(categories), frozenset(services), by)


_APPLICATIONS = ("django", "jvm", "nodejs", "python", "ruby_on_rails", "spring", "sql", "velocity")

_SYSTEM_LOG = ("syslog", "auth", "sshd", "sudo", "cron", "guacamole")
_ZEEK = (
    "conn", "dce_rpc", "dhcp", "dns", "files", "ftp", "http", "kerberos", "notice", "ntlm", "ntp", "rdp", "smb_files",
    "smb_mapping", "smtp", "ssh", "ssl", "x509",
)  # fmt: skip
_OURS = (
    "network_flow", "removable_media", "file_access", "leak_evidence", "web_integrity", "malware_scan", "agent_health",
    "print_job", "dns_query", "evidence",
)  # fmt: skip

DELIVERED: tuple[Delivered, ...] = (
    _delivered("windows", "Windows event log: live, .evtx, JSON", windows.CATEGORIES, windows.SERVICES),
    _delivered("linux", "every Linux log below"),
    _delivered("linux", "audit log", services=("auditd",)),
    _delivered(
        "linux",
        "audit log (records joined), Sysmon for Linux, the agent's process, flow and file sources",
        ("process_creation", "file_event", "file_delete", "file_rename", "network_connection"),
        ("sysmon",),
    ),
    _delivered(
        "macos",
        "the agent on a Mac: eslogger (macOS 13, root, Full Disk Access)",
        ("process_creation", "file_event", "file_delete", "file_rename"),
    ),
    _delivered("linux", "system log or journal", ("firewall",), _SYSTEM_LOG),
    _delivered("linux", "vsftpd's and ClamAV's logs, or the system log", ("antivirus",), ("vsftpd", "clamav")),
    _delivered("linux", "web server error log", services=("modsecurity",)),
    _delivered(None, "web server error log, or the system log", services=("apache", "nginx")),
    _delivered(None, "access log (common, combined, Caddy's), IIS, Zeek, Suricata", ("webserver",)),
    _delivered(None, "Squid, W3C proxy log, a device's web filter, Zeek, Suricata", ("proxy",)),
    _delivered(None, "dnsmasq, BIND, unbound, Windows DNS, captures, Zeek, Suricata", ("dns",)),
    _delivered(
        None, "network devices over syslog, NetFlow, IPFIX, netfilter in the system log, Zeek, Suricata", ("firewall",)
    ),
    _delivered(None, "Defender, ClamAV, Jikimi's own scanner", ("antivirus",)),
    _delivered(None, "PostgreSQL and MySQL statement logs", ("database",)),
    _delivered(None, "sources of any system", windows.CATEGORIES),
    _delivered("zeek", "Zeek log, TSV or JSON", services=_ZEEK),
    _delivered("cisco", "network devices over syslog", services=("syslog", "aaa", "bgp", "ldp")),
    _delivered("huawei", "network devices over syslog", services=("bgp",)),
    _delivered("juniper", "network devices over syslog", services=("bgp",)),
    _delivered("fortigate", "network devices over syslog", ("firewall", "proxy"), ("event",)),
    _delivered("fortios", "network devices over syslog", services=("sslvpnd",)),
    _delivered("paloalto", "network devices over syslog", ("appliance",), ("globalprotect",)),
    _delivered("rpc_firewall", "Windows event log, channel RPCFW", ("application",)),
    _delivered("kubernetes", "audit log of the API server (JSON lines)", ("application",), ("audit",)),
    _delivered("opencanary", "OpenCanary's log (JSON lines)", ("application",)),
    _delivered("bitbucket", "atlassian-bitbucket-audit.log (JSON lines)", services=("audit",)),
    *(_delivered(name, "the application's log as text, log source stated", ("application",)) for name in _APPLICATIONS),
    _delivered("jikimi", "the agent's own sources", _OURS),
)

_READ = "read with `jikimi detect --logsource {0} FILE`"
_EXPORT = f"its log is kept by the vendor and nothing here fetches it; an export as JSON can be {_READ}"
_BEHIND_A_VENDOR = ("aws", "azure", "gcp", "m365", "okta", "onelogin", "github", "cisco duo")
UNDELIVERED: dict[str, str] = {
    **dict.fromkeys(_BEHIND_A_VENDOR, _EXPORT),
    "macos": f"the agent tells of a Mac only programs that start and files; an export of another log can be {_READ}",
}
_ELSE = f"nothing here collects it; a log of it (JSON, or text for rules that look for words) can be {_READ}"


def delivered_by(source: LogSource) -> str | None:
    """Which input brings events of `source`, in words; None when none does."""
    return next((entry.by for entry in DELIVERED if _brings(entry, source)), None)


def why_blind(source: LogSource) -> str | None:
    """What is missing for rules of `source` and what would mend it; None when an input brings its events."""
    if delivered_by(source) is not None:
        return None
    stated = ",".join(
        f"{name}={value}" for name in ("product", "category", "service") if (value := getattr(source, name))
    )
    product = (source.product or "").lower()
    service = f"{product} {source.service}".lower()
    return UNDELIVERED.get(service, UNDELIVERED.get(product, _ELSE)).format(stated)


def _brings(entry: Delivered, source: LogSource) -> bool:
    return (
        (source.product is None or source.product.lower() == entry.product)
        and (source.category is None or source.category.lower() in entry.categories)
        and (source.service is None or source.service.lower() in entry.services)
    )
