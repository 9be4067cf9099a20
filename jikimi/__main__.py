"""`python -m jikimi` is `jikimi`."""

from jikimi.cli import app

app()
