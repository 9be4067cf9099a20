"""The bundle's one program, for machines without Python: `jikimi`, and what the agent starts of itself.

In a bundle `sys.executable` is the bundle, so `[sys.executable, "-P", "-m", MODULE, …]` comes back here: it runs the
module if it is one of the agent's own programs. Nobody can have it run other code.
"""

import runpy
import sys

PROGRAMS = (
    "collectors",
    "collectors.leak",
    "collectors.malware",
    "collectors.verify",
    "collectors.windows.service",
)
"""What may be asked for by `-P -m`."""


def main() -> None:
    """Ends by SystemExit, as the program asked for does."""
    match sys.argv[1:]:
        case ["-P", "-m", module, *words] if module in PROGRAMS:
            sys.argv = [module, *words]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case _:
            from jikimi.cli import app

            app()


if __name__ == "__main__":
    main()
