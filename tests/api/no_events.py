"""An archive that has not stored anything yet: pages then show what the findings carry."""

from collections.abc import Sequence

from jikimi.domain.scope import TenantScope
from jikimi.storage.events import EventQuery, EventStore, StoredEvent


class NoEvents(EventStore):
    def __init__(self) -> None:
        """Opens nothing."""

    async def get(self, scope: TenantScope, event_ids: Sequence[str]) -> list[StoredEvent]:
        return []

    async def search(self, query: EventQuery) -> list[StoredEvent]:
        return []
