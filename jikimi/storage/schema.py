"""The relational tables, one `MetaData`; migrations in jikimi/storage/migrations must always arrive at exactly this.

Works on SQLite and PostgreSQL. Every table that holds a client's data has `tenant_id`.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in and out; a naive time is a programming error."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time reached the database")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _id() -> Column[Any]:
    return Column("id", String(64), primary_key=True)


def _tenant(*, primary_key: bool = False) -> Column[Any]:
    return Column("tenant_id", String(64), ForeignKey("tenants.id"), nullable=False, primary_key=primary_key)


# --- who is watched ---

tenants = Table(
    "tenants",
    metadata,
    _id(),
    Column("name", String(200), nullable=False, unique=True),
    Column("zone", String(64), nullable=False, default="Asia/Seoul"),
    Column("language", String(2), nullable=False, default="ko"),
    Column("work_hours", JSON, nullable=False, default=dict),  # {} = WorkHours() defaults
    Column("placeholders", JSON, nullable=False, default=dict, server_default="{}"),  # of Sigma rules: name → values
    Column("media_enforcement", String(16), nullable=False, server_default=text("'off'")),  # see domain/passport.py
    Column("config_version", Integer, nullable=False, server_default=text("1")),  # of what agents run with
    Column("created_at", UtcDateTime, nullable=False),
)
sites = Table(
    "sites",
    metadata,
    _id(),
    _tenant(),
    Column("name", String(200), nullable=False),
    UniqueConstraint("tenant_id", "name"),
)
devices = Table(
    "devices",
    metadata,
    _id(),
    _tenant(),
    Column("site_id", String(64), ForeignKey("sites.id")),
    Column("name", String(200), nullable=False),  # as the company calls it
    Column("os", String(64), nullable=False, default=""),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("always_on", Boolean, nullable=False, server_default=text("'0'")),  # a server: silence counts at any hour
    UniqueConstraint("tenant_id", "name"),
)
contacts = Table(
    "contacts",
    metadata,
    _id(),
    _tenant(),
    Column("name", String(100), nullable=False),
    Column("email", String(254), nullable=False, default=""),
    Column("phone", String(32), nullable=False, default=""),
    Column("language", String(2), nullable=False, default="ko"),
    Column("mail_from", String(16), nullable=False, default="low"),
    Column("sms_from", String(16), nullable=False, default="medium"),
)
agents = Table(
    "agents",
    metadata,
    _id(),
    _tenant(),
    Column("device_id", String(64), ForeignKey("devices.id"), nullable=False),
    Column("credential_hash", String(64), nullable=False, unique=True),  # SHA-256 hex of the bearer credential
    Column("version", String(32), nullable=False, default=""),
    Column("kind", String(16), nullable=False, default="agent"),  # agent | replay (a replay is never "silent")
    Column("enrolled_at", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime),
    Column("health", JSON),  # last heartbeat as sent
    Column("revoked_at", UtcDateTime),
    Column("silent_since", UtcDateTime),  # told as silent: its last sign of life
)
websites = Table(  # which sites the service monitoring looks at, and what it learned of each
    "websites",
    metadata,
    _id(),
    _tenant(),
    Column("device_id", String(64), ForeignKey("devices.id"), nullable=False),  # findings of a site are its own
    Column("url", String(2000), nullable=False),
    Column("interval_seconds", Integer, nullable=False),
    Column("memory", LargeBinary),  # collectors.websites.memory.SiteMemory as MessagePack
    Column("deploying_until", UtcDateTime),
    Column("next_look_at", UtcDateTime, nullable=False, index=True),
    Column("last_look_at", UtcDateTime),
    Column("last_result", String(300), nullable=False, default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
)
device_passports = Table(  # removable devices a company allows; see jikimi/domain/passport.py
    "device_passports",
    metadata,
    _id(),
    _tenant(),
    Column("serial", String(200), nullable=False, default=""),
    Column("filesystem_id", String(200), nullable=False, default=""),
    Column("vendor", String(200), nullable=False, default=""),
    Column("product", String(200), nullable=False, default=""),
    Column("holder", String(200), nullable=False, default=""),
    Column("purpose", String(200), nullable=False, default=""),
    Column("valid_from", UtcDateTime, nullable=False),
    Column("valid_until", UtcDateTime),
    Column("read_only", Boolean, nullable=False, default=False),
    Column("approved_by", String(200), nullable=False, default=""),
    Column("revoked_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_device_passports_tenant_id", "tenant_id"),
)
agent_settings = Table(  # what the centre decided for agents; see jikimi/domain/agent_config.py
    "agent_settings",
    metadata,
    _tenant(primary_key=True),
    Column("device_id", String(64), primary_key=True),  # "": the whole company
    Column("settings", JSON, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("changed_by", String(200), nullable=False),
)
enrolment_tokens = Table(
    "enrolment_tokens",
    metadata,
    _id(),
    _tenant(),
    Column("site_id", String(64), ForeignKey("sites.id")),  # where devices enrolled with it stand
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# --- how far the stream was taken ---

agent_spools = Table(  # ingest's high-water mark: everything through this number is durable in the log
    "agent_spools",
    metadata,
    Column("agent_id", String(64), ForeignKey("agents.id"), primary_key=True),
    Column("epoch", String(64), primary_key=True),
    _tenant(),
    Column("acked_through", BigInteger, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
progress = Table(  # a consumer's offset, fenced by its epoch; committed with the effects of what it read
    "progress",
    metadata,
    Column("group", String(64), primary_key=True),
    Column("topic", String(64), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("planned_offset", BigInteger),  # end of the batch that is on its way out of the database's transactions
)
seen = Table(  # a consumer's own high-water mark a spool: an event appended twice is taken once
    "seen",
    metadata,
    Column("group", String(64), primary_key=True),
    Column("agent_id", String(64), primary_key=True),
    Column("epoch", String(64), primary_key=True),
    Column("through", BigInteger, nullable=False),
)
operator_state = Table(  # correlation windows and the like; moves with its partition
    "operator_state",
    metadata,
    Column("operator", String(200), primary_key=True),
    Column("tenant_id", String(64), primary_key=True),
    Column("key", String(500), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
counters = Table(  # what only ever rises: events_accepted, duplicates_cut, ... by tenant
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("tenant_id", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
dead_letters = Table(
    "dead_letters",
    metadata,
    _id(),
    Column("tenant_id", String(64), nullable=False, index=True),  # may be unknown: evidence is kept all the same
    Column("agent_id", String(64), nullable=False, default=""),
    Column("stage", String(16), nullable=False),  # ingest | detector | archive
    Column("reason", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),  # at most 64 KiB of it
    Column("source", String(200), nullable=False, default=""),  # topic/partition/offset or agent.epoch.seq
    Column("at", UtcDateTime, nullable=False),
)

# --- what was found ---

incidents = Table(
    "incidents",
    metadata,
    _id(),
    _tenant(),
    Column("number", Integer, nullable=False, unique=True),  # what people call it: #1024
    Column("title_ko", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("risk", Integer, nullable=False),  # RiskLevel
    Column("score", Integer, nullable=False),
    Column("score_terms", JSON, nullable=False),  # [{"points": 40, "ko": "...", "en": "..."}], largest first
    Column("status", String(16), nullable=False),
    Column("verdict", String(16), nullable=False, default=""),
    Column("owner_id", String(64), ForeignKey("users.id")),
    Column("first_time", UtcDateTime, nullable=False),  # event time
    Column("last_time", UtcDateTime, nullable=False),  # event time
    Column("opened_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),  # first notification a provider accepted
    Column("acknowledged_at", UtcDateTime),
    Column("client_answered_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("finding_count", Integer, nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("lead_finding_id", String(64), nullable=False),  # the finding whose sentence is the title
    Column("devices", JSON, nullable=False),  # names, at most 20
    Column("users", JSON, nullable=False),  # names, at most 20
    Column("rules", JSON, nullable=False),  # {rule_id: RuleTally of detectors/incidents.py}
    Column("version", Integer, nullable=False),  # rises by one a change; optimistic lock and delta check
)
Index("ix_incidents_queue", incidents.c.status, incidents.c.risk, incidents.c.updated_at)
Index("ix_incidents_tenant", incidents.c.tenant_id, incidents.c.updated_at)
incident_keys = Table(  # which open incident a (device | user | rule) leads to
    "incident_keys",
    metadata,
    _tenant(primary_key=True),
    Column("key", String(300), primary_key=True),  # "device:ID", "user:NAME", "rule:ID"
    Column("incident_id", String(64), ForeignKey("incidents.id"), nullable=False),
    Column("last_time", UtcDateTime, nullable=False),  # event time of the last finding under this key
)
findings = Table(
    "findings",
    metadata,
    _id(),
    _tenant(),
    Column("incident_id", String(64), ForeignKey("incidents.id"), nullable=False, index=True),
    Column("rule_id", String(64), nullable=False),
    Column("rule_title", Text, nullable=False),
    Column("rule_version", String(64), nullable=False, default=""),
    Column("level", String(16), nullable=False),
    Column("risk", Integer, nullable=False),
    Column("time", UtcDateTime, nullable=False),
    Column("logsource", JSON, nullable=False),
    Column("device_id", String(64), nullable=False),
    Column("device_name", String(200), nullable=False),
    Column("user", String(200), nullable=False),
    Column("title_ko", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("event", JSON, nullable=False),
    Column("event_ids", JSON, nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
Index("ix_findings_tenant_time", findings.c.tenant_id, findings.c.time)
incident_history = Table(
    "incident_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _tenant(),
    Column("incident_id", String(64), ForeignKey("incidents.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(100), nullable=False),  # "jikimi", an analyst's login, a contact's name
    Column("kind", String(32), nullable=False),  # HistoryKind
    Column("detail", JSON, nullable=False),
)
changes = Table(  # what the live console follows: one row a committed change of an incident or a notice
    "changes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    _tenant(),
    Column("incident_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # incident | notice
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

# --- the life of rules ---

rule_release = Table(  # one row: which state of the rules every worker follows
    "rule_release",
    metadata,
    _id(),  # "rules"
    Column("life_version", Integer, nullable=False),  # rises when a stage, an exception or a quarantine changes
    Column("content_version", Integer, nullable=False),  # rises when the rule files are to be read again
    Column("bundle_version", BigInteger, nullable=False),  # highest ever installed, 0 = none: no way back below it
)
rule_bundles = Table(  # the newest few; the highest version is the one in use
    "rule_bundles",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("key_id", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),  # the signed file itself, verified again wherever it is loaded
    Column("installed_at", UtcDateTime, nullable=False),
    Column("installed_by", String(100), nullable=False),
)
rule_stages = Table(  # what a person or a bundle said; a rule without a row is live
    "rule_stages",
    metadata,
    Column("rule_id", String(64), primary_key=True),
    Column("stage", String(16), nullable=False),  # draft | shadow | live
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("why", Text, nullable=False),
)
rule_hits = Table(  # how often a rule matched: in shadow, or live
    "rule_hits",
    metadata,
    Column("rule_id", String(64), primary_key=True),
    _tenant(primary_key=True),
    Column("day", String(10), primary_key=True),  # of receipt, UTC
    Column("stage", String(16), primary_key=True),
    Column("hits", BigInteger, nullable=False),
    Column("event_ids", JSON, nullable=False),  # of the last batch that had some, at most 5
)
rule_quarantine = Table(  # a rule that threw is asked no more; one that floods makes no finding for that company
    "rule_quarantine",
    metadata,
    Column("rule_id", String(64), primary_key=True),
    Column("tenant_id", String(64), primary_key=True),  # "*": everywhere
    Column("rule_version", String(64), nullable=False),  # another version of the rule is free
    Column("kind", String(16), nullable=False),  # threw | flooded
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("overflow", BigInteger, nullable=False),  # findings that were not made
)
rule_exceptions = Table(  # a company's own Sigma filters
    "rule_exceptions",
    metadata,
    _id(),
    _tenant(),
    Column("rule_id", String(64), nullable=False),
    Column("filter", Text, nullable=False),  # YAML
    Column("owner", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Column("suppressed", BigInteger, nullable=False),
    Column("last_suppressed_at", UtcDateTime),
)
Index("ix_rule_exceptions_tenant", rule_exceptions.c.tenant_id, rule_exceptions.c.expires_at)
rule_history = Table(  # who changed what about a rule, when and why
    "rule_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(100), nullable=False),  # "jikimi" when no person did it
    Column("kind", String(16), nullable=False),  # staged | quarantined | released | excepted | withdrawn | bundle
    Column("rule_id", String(64), nullable=False, index=True),  # "" for a bundle
    Column("tenant_id", String(64), nullable=False),  # "*": every company
    Column("detail", JSON, nullable=False),
)
rule_workers = Table(  # which state each worker has taken up, or why it could not
    "rule_workers",
    metadata,
    _id(),
    Column("at", UtcDateTime, nullable=False),
    Column("life_version", Integer, nullable=False),
    Column("content_version", Integer, nullable=False),
    Column("bundle_version", BigInteger, nullable=False),
    Column("rules", Integer, nullable=False),  # loaded
    Column("refused", Integer, nullable=False),
    Column("error", Text, nullable=False, default=""),  # of the last content version that was tried
    Column("tried_version", Integer, nullable=False),
)

# --- who is told ---

outbox = Table(  # "tell the client of this", written with the incident change; expanded into notifications
    "outbox",
    metadata,
    _id(),
    _tenant(),
    Column("incident_id", String(64), ForeignKey("incidents.id"), nullable=False),
    Column("kind", String(16), nullable=False),  # opened | raised | closed
    Column("risk", Integer, nullable=False),
    Column("title_ko", Text, nullable=False),  # as it was when the change was made
    Column("title_en", Text, nullable=False),
    Column("dedup_key", String(200), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expanded_at", UtcDateTime, index=True),
)
notifications = Table(  # one message to one contact on one channel
    "notifications",
    metadata,
    _id(),
    _tenant(),
    Column("incident_id", String(64), ForeignKey("incidents.id"), nullable=False, index=True),
    Column("outbox_id", String(64), ForeignKey("outbox.id"), nullable=False),
    Column("contact_id", String(64), ForeignKey("contacts.id"), nullable=False),
    Column("channel", String(8), nullable=False),  # sms | mail
    Column("dedup_key", String(200), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    # pending → sending → accepted → delivered | failed | unknown | suppressed | bundled
    Column("risk", Integer, nullable=False),
    Column("subject", Text, nullable=False, default=""),
    Column("body", Text, nullable=False),
    Column("html", Text, nullable=False, default=""),
    Column("message_id", String(200), nullable=False),  # RFC 5322 Message-ID or the provider's idempotency key
    Column("provider", String(32), nullable=False, default=""),
    Column("provider_ref", String(200), nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("last_error", Text, nullable=False, default=""),
    Column("bundled_into", String(64), nullable=False, default=""),  # the notification that tells of this one
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
Index("ix_notifications_due", notifications.c.state, notifications.c.next_attempt_at)
deliveries = Table(  # one attempt
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _tenant(),
    Column("notification_id", String(64), ForeignKey("notifications.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("provider", String(32), nullable=False),
    Column("outcome", String(16), nullable=False),  # accepted | delivered | transient | refused | unknown
    Column("detail", Text, nullable=False),  # provider's code and words; never an address
)
answer_links = Table(  # the link in an SMS or a mail: random token (mail 131 bits, SMS 71), stored hashed, single use
    "answer_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _tenant(),
    Column("incident_id", String(64), ForeignKey("incidents.id"), nullable=False),
    Column("contact_id", String(64), ForeignKey("contacts.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("answer", String(16), nullable=False, default=""),  # ours | help | call
)

evidence_requests = Table(  # captures asked of agents; the files lie in DATA/evidence/TENANT/ID
    "evidence_requests",
    metadata,
    _id(),
    _tenant(),
    Column("agent_id", String(64), ForeignKey("agents.id"), nullable=False, index=True),
    Column("incident_id", String(64), ForeignKey("incidents.id")),
    Column("asked_at", UtcDateTime, nullable=False, index=True),
    Column("asked_by", String(200), nullable=False),
    Column("reason", String(300), nullable=False, default=""),
    Column("before", Integer, nullable=False),  # seconds
    Column("after", Integer, nullable=False),
    Column("filter", String(200), nullable=False, default=""),
    Column("state", String(16), nullable=False),  # asked | uploading | complete | failed | removed
    Column("why", Text, nullable=False, default=""),  # of failed and removed
    Column("manifest_sha256", String(64), nullable=False, default=""),
    Column("bytes", BigInteger, nullable=False, default=0),  # as the manifest says
    Column("changed_at", UtcDateTime, nullable=False),
)

# --- who works here ---

users = Table(
    "users",
    metadata,
    _id(),
    Column("login", String(64), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", String(16), nullable=False),  # analyst | engineer | head
    Column("language", String(2), nullable=False, default="ko"),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", UtcDateTime, nullable=False),
)
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", String(64), ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
)
access_records = (
    Table(  # who read or changed whose data, when, from where, for which task; hash-chained, kept two years
        "access_records",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("at", UtcDateTime, nullable=False),
        Column("account", String(64), nullable=False),
        Column("address", String(64), nullable=False),
        Column("tenant_id", String(64), nullable=False),
        Column("task", String(200), nullable=False),
        Column("previous_hash", String(64), nullable=False),
        Column("hash", String(64), nullable=False),
    )
)
