"""`jikimi up`."""


def up() -> None:
    """Not built yet."""
