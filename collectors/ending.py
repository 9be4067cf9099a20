"""Being asked to end: signals on Unix, Ctrl-C and Ctrl-Break on Windows (whose service sets the event itself)."""

import asyncio
import signal
import sys
import threading


def when_asked_to_end(stop: asyncio.Event) -> None:
    """Sets `stop`, in the running loop. Outside the main thread nobody can send a signal: then the caller sets it."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        for number in (signal.SIGINT, signal.SIGBREAK):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    else:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
