"""What could not be read, counted exactly and told in sentences: nothing is dropped silently."""

import re
from collections import Counter
from dataclasses import dataclass, field

MAX_NOTES = 50
MAX_OF_ONE = 3
"""Sentences about single lines or records of one file: a loud file hides no other."""
_WITHIN = re.compile(r" (?:line|record) \d+$")


@dataclass
class Problems:
    """Counts over all files of one reading; pass the same object to every `read_events`.

    `notes` holds the first MAX_NOTES sentences (each names its place), of single lines the first MAX_OF_ONE a file;
    `untold` counts the rest.
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
    _of_one: Counter[str] = field(default_factory=Counter)

    def lost(self, place: str, reason: str, count: int = 1) -> None:
        """`count` events at `place` could not be read."""
        self.unreadable += count
        file = _WITHIN.sub("", place)
        self._of_one[file] += 1
        if self._of_one[file] <= MAX_OF_ONE or count > 1:
            self.note(f"{place}: {reason}")
        else:
            self.untold += 1

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
