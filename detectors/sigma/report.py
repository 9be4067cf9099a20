"""What loading tells: how many rules there are, which were refused and why, which can never see an event."""

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """A rule that is not used; `line` counts from 1."""

    rule: str
    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule or 'unreadable'}: {self.reason}"


class Blind(msgspec.Struct, frozen=True):
    """A rule that is loaded but whose log source nothing here delivers; `why` says what would."""

    rule: str
    file: str
    logsource: str
    why: str = ""


class LoadReport(msgspec.Struct, frozen=True):
    """`files` were read, `loaded` rules and correlations are used.

    `without_effect` are filters that are used but, or a part of them, do nothing: they name a rule that is not loaded.
    """

    files: int
    loaded: int
    refused: tuple[Refusal, ...] = ()
    blind: tuple[Blind, ...] = ()
    without_effect: tuple[Refusal, ...] = ()
