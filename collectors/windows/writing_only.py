"""watchdog asks Windows for every change of a file, of the time of the last reading too.

Then a stick that a virus scanner has read, or that somebody copied from, looks as if all its files had been written.
Asked for are names, sizes and the time of the last writing: whatever writes changes one of these.
"""

from typing import Protocol


class _Winapi(Protocol):
    """What is used of `watchdog.observers.winapi`, which only Windows can import."""

    FILE_NOTIFY_CHANGE_FILE_NAME: int
    FILE_NOTIFY_CHANGE_DIR_NAME: int
    FILE_NOTIFY_CHANGE_SIZE: int
    FILE_NOTIFY_CHANGE_LAST_WRITE: int
    FILE_NOTIFY_CHANGE_CREATION: int
    WATCHDOG_FILE_NOTIFY_FLAGS: int


def ask_for_writing_only(winapi: _Winapi) -> None:
    """For every observer that begins after this."""
    winapi.WATCHDOG_FILE_NOTIFY_FLAGS = (
        winapi.FILE_NOTIFY_CHANGE_FILE_NAME
        | winapi.FILE_NOTIFY_CHANGE_DIR_NAME
        | winapi.FILE_NOTIFY_CHANGE_SIZE
        | winapi.FILE_NOTIFY_CHANGE_LAST_WRITE
        | winapi.FILE_NOTIFY_CHANGE_CREATION
    )
