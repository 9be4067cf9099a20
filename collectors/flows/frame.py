"""One captured frame."""

from typing import NamedTuple


class Frame(NamedTuple):
    """`time` in ns since 1970; `link` a LINKTYPE_ number; `data` what was captured of the frame's `size` bytes."""

    time: int
    link: int
    data: bytes
    size: int
