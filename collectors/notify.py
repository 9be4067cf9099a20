"""Tells systemd that the agent has started, lives, and ends (sd_notify(3)); does nothing where nobody asks."""

import os
import socket
import sys

READY, ALIVE, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"


def notify(state: str) -> None:
    """One datagram to $NOTIFY_SOCKET. Raises nothing: an agent that cannot say it lives is started anew by systemd."""
    place = os.environ.get("NOTIFY_SOCKET")
    if not place or sys.platform == "win32":
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(1)
            out.sendto(state.encode(), "\0" + place[1:] if place.startswith("@") else place)
    except OSError:
        return
