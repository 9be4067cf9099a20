"""Builds the console's bundle into api/console/dist before a wheel or an editable install is made."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """`JIKIMI_NO_CONSOLE=1` leaves the console out, for a machine that only runs an agent."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        if self.target_name != "wheel" or os.environ.get("JIKIMI_NO_CONSOLE") == "1":
            return
        script = Path(self.root, "api", "console", "build.py")
        subprocess.run([sys.executable, str(script)], check=True)  # noqa: S603  our own script
