"""What the composition root hands to the HTTP layer; routes reach all of it as `request.app.state.services`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.config_keys import ConfigKeys
from api.rules.desk import RuleDesk
from api.rules.port import Workshop
from jikimi.clock import Clock
from jikimi.storage.database import Database
from jikimi.storage.events import EventStore
from jikimi.stream.port import EventLog


@dataclass(frozen=True, slots=True)
class Services:
    """`status` gives the object that `jikimi status --json` prints; `admin_token` guards /v1/admin.

    Without a `workshop` the routes of /v1/admin/rules that need it answer 503.
    `rule_desk` is None in a process that runs no detectors. Without `config_keys` agents cannot be given settings.
    Without an `evidence` folder no captures are fetched. `pictures` is where those of watched web sites are kept.
    """

    database: Database
    log: EventLog
    events: EventStore
    clock: Clock
    admin_token: str
    status: Callable[[], Awaitable[dict[str, Any]]]
    workshop: Workshop | None = None
    rule_desk: RuleDesk | None = None
    config_keys: ConfigKeys | None = None
    evidence: Path | None = None
    pictures: Path | None = None
