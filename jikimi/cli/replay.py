"""`jikimi replay`."""


def replay() -> None:
    """Not built yet."""
