"""`jikimi detect`."""


def detect() -> None:
    """Not built yet."""
