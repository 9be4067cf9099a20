"""The event store: search over every event. Embedded engine: chDB, through clickhouse-connect."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from jikimi.domain.event import EventBatch
from jikimi.domain.logsource import LogSource
from jikimi.domain.scope import TenantScope


class StoredEvent(msgspec.Struct, frozen=True):
    """One event as kept: its canonical JSON bytes and what the envelope knew."""

    event_id: str
    tenant_id: str
    device_id: str
    agent_id: str
    time: datetime
    received_at: datetime
    logsource: LogSource
    raw: bytes


class EventQuery(msgspec.Struct, frozen=True):
    """All conditions must hold. `fields` are exact values of top-level fields, compared without case."""

    scope: TenantScope
    since: datetime | None = None
    until: datetime | None = None
    device_id: str | None = None
    logsource: LogSource | None = None
    fields: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    limit: int = 100


class EventStore:
    """To be filled in."""

    async def insert(self, batches: Sequence[EventBatch], *, token: str) -> int:
        """Store the batches' events, once a token. Returns how many events were in them."""
        raise NotImplementedError

    async def search(self, query: EventQuery) -> list[StoredEvent]:
        """Newest first."""
        raise NotImplementedError

    async def get(self, scope: TenantScope, event_ids: Sequence[str]) -> list[StoredEvent]:
        """The named events that lie in scope, in time order."""
        raise NotImplementedError

    async def count(self, scope: TenantScope) -> int:
        """Events stored."""
        raise NotImplementedError

    async def close(self) -> None:
        """Finish what was begun."""
        raise NotImplementedError
