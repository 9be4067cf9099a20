"""`jikimi demo`."""


def demo() -> None:
    """Not built yet."""
