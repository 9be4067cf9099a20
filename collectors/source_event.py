"""What every reader of recordings gives: an event and the log source it came from."""

from typing import NamedTuple

from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource


class SourceEvent(NamedTuple):
    """An event with Sigma's field names, and its log source."""

    logsource: LogSource
    event: Event
