"""A remark on a rule that loads: worth a look, no reason to refuse it."""

from typing import Literal

import msgspec

Check = Literal["spec", "field", "duplicate", "slow", "samples", "filter"]


class Remark(msgspec.Struct, frozen=True):
    """`line` counts from 1; `check` names who remarks."""

    rule: str
    file: str
    line: int
    check: Check
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.text}"
