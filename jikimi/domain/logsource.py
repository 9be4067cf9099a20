"""Sigma's log source: product, category, service (Sigma specification 2.1, "Log source")."""

import msgspec


class LogSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """What kind of log an event came from. `None` means "not stated", as in Sigma."""

    product: str | None = None
    category: str | None = None
    service: str | None = None

    def __str__(self) -> str:
        stated = [f"{n}={v}" for n in ("product", "category", "service") if (v := getattr(self, n))]
        return " ".join(stated) or "unknown"


UNKNOWN = LogSource()

# Our own log sources, documented field by field in rules/README.md.
NETWORK_FLOW = LogSource(product="jikimi", category="network_flow")
EXPORTED_FLOW = LogSource(product="jikimi", category="network_flow", service="netflow")
"""Told by a router, switch or firewall (NetFlow, IPFIX)."""
REMOVABLE_MEDIA = LogSource(product="jikimi", category="removable_media")
FILE_ACCESS = LogSource(product="jikimi", category="file_access")
WEB_INTEGRITY = LogSource(product="jikimi", category="web_integrity")
LEAK_EVIDENCE = LogSource(product="jikimi", category="leak_evidence")
MALWARE_SCAN = LogSource(product="jikimi", category="malware_scan")
EVIDENCE = LogSource(product="jikimi", category="evidence")
AGENT_HEALTH = LogSource(product="jikimi", category="agent_health")
DNS_QUERY = LogSource(product="jikimi", category="dns_query")
PRINT_JOB = LogSource(product="jikimi", category="print_job")

# Public ones that the agent on Linux fills itself.
PROCESS_CREATION = LogSource(product="linux", category="process_creation")
