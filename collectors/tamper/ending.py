"""Is the whole computer going down: a PC that is switched off in the evening is no agent that somebody stopped."""

import subprocess

ASK_WITHIN = 2.0


def computer_stops() -> bool:
    """As systemd says (systemctl(1), is-system-running); False where nobody can say."""
    try:
        asked = subprocess.run(
            ["systemctl", "is-system-running"],  # noqa: S607 - where it lies differs
            capture_output=True,
            timeout=ASK_WITHIN,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return asked.stdout.strip() == b"stopping"
