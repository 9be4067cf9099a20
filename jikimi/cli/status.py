"""`jikimi status`."""


def status() -> None:
    """Not built yet."""
