"""What could not be read, counted exactly and told in sentences: nothing is dropped silently."""

from dataclasses import dataclass, field

MAX_NOTES = 50


@dataclass
class Problems:
    """Counts over all files of one reading; pass the same object to every `read_events`.

    `notes` holds the first MAX_NOTES sentences (each names its place); `untold` counts the rest.
    """

    unreadable: int = 0
    """Lines, records and packets that gave no event."""
    repaired: int = 0
    """Events delivered after bytes that are not UTF-8 were replaced by U+FFFD."""
    without_time: int = 0
    """Events that carry no time of their own and got the previous event's, or the file's."""
    unclassified: int = 0
    """Events whose log source could not be told; delivered as `unknown`."""
    damaged: int = 0
    """Files or archive members that were not read to their end."""
    notes: list[str] = field(default_factory=list)
    untold: int = 0

    def lost(self, place: str, reason: str, count: int = 1) -> None:
        """`count` events at `place` could not be read."""
        self.unreadable += count
        self.note(f"{place}: {reason}")

    def broken(self, place: str, reason: str) -> None:
        """The rest of the file or member at `place` could not be read."""
        self.damaged += 1
        self.note(f"{place}: {reason}")

    def note(self, sentence: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(sentence)
        else:
            self.untold += 1

    def __str__(self) -> str:
        """`3 unreadable, 1 repaired`, or `no problems`."""
        counts = {
            "unreadable": self.unreadable,
            "damaged files": self.damaged,
            "repaired": self.repaired,
            "without a time": self.without_time,
            "of unknown log source": self.unclassified,
        }
        return ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "no problems"
