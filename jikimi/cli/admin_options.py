"""The options that every `jikimi admin` command shares."""

from pathlib import Path
from typing import Annotated

import typer

from jikimi.settings import default_data_dir

Data = Annotated[Path, typer.Option("--data", help="The centre's data folder.", default_factory=default_data_dir)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
OfTenant = Annotated[
    str | None, typer.Option("--tenant", help="Company, by name or id; may be left out when there is only one.")
]
