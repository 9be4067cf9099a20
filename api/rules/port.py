"""What the HTTP layer asks of the rule workshop; the composition root hands it in (`Services.workshop`)."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

Command = Literal["check", "test", "coverage", "backtest"]


@dataclass(frozen=True, slots=True)
class WorkshopWish:
    """`files` are rule files and their samples by name; none means the rules the centre runs.

    The rest is a backtest's: since <= event time < until, one company (name or id) or all of them, how many examples a
    rule, and for how many seconds it may read.
    """

    command: Command
    files: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    tenant: str | None = None
    examples: int = 3
    seconds: float = 60.0


Workshop: TypeAlias = Callable[[WorkshopWish], AsyncGenerator[dict[str, Any], None]]
"""Yields `{"progress": [what, done, total]}` and at the end one `{"result": {…}}` or `{"error": "one sentence"}`.

Close it when you stop asking: it serves one wish at a time. Raises Transient while it serves another, Misconfigured
for a company that is not there.
"""
