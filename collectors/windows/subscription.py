"""EvtSubscribe and its kin, through pywin32: the pull model, so that no foreign thread enters Python.

Windows Event Log functions: https://learn.microsoft.com/windows/win32/wes/windows-event-log-functions
"""

from collections.abc import Sequence

import pywintypes
import win32event
import win32evtlog

from collectors.windows.event_log import Absent, Stale

AT_ONCE = 256
CHANNEL_NOT_FOUND = (15007, 15001, 2)
"""ERROR_EVT_CHANNEL_NOT_FOUND, ERROR_EVT_INVALID_QUERY, ERROR_FILE_NOT_FOUND."""
STALE = (15011, 1168, 15038)
"""ERROR_EVT_QUERY_RESULT_STALE, ERROR_NOT_FOUND (EvtSubscribeStrict), ERROR_EVT_BOOKMARK_NOT_FOUND."""


class ChannelSubscription:
    """Implements event_log.Subscription."""

    def __init__(self, channel: str, bookmark: str) -> None:
        """Raises Stale, Absent, OSError."""
        self._arrived = win32event.CreateEvent(None, True, True, None)
        try:
            self._bookmark = win32evtlog.EvtCreateBookmark(bookmark or None)
            if bookmark:
                flags = win32evtlog.EvtSubscribeStartAfterBookmark | win32evtlog.EvtSubscribeStrict
            else:
                flags = win32evtlog.EvtSubscribeToFutureEvents
            self._handle = win32evtlog.EvtSubscribe(
                channel, flags, SignalEvent=self._arrived, Query="*", Bookmark=self._bookmark if bookmark else None
            )
        except pywintypes.error as error:
            raise _translated(error) from error

    def events(self) -> Sequence[str]:
        """Raises OSError."""
        if win32event.WaitForSingleObject(self._arrived, 0) != win32event.WAIT_OBJECT_0:
            return ()
        try:
            handles = win32evtlog.EvtNext(self._handle, AT_ONCE, Timeout=0)
            if not handles:
                win32event.ResetEvent(self._arrived)
                return ()
            texts = [str(win32evtlog.EvtRender(handle, win32evtlog.EvtRenderEventXml)) for handle in handles]
            win32evtlog.EvtUpdateBookmark(self._bookmark, handles[-1])
        except pywintypes.error as error:
            raise _translated(error) from error
        return texts

    def bookmark(self) -> str:
        return str(win32evtlog.EvtRender(self._bookmark, win32evtlog.EvtRenderBookmark))

    def close(self) -> None:
        self._handle.close()


def _translated(error: pywintypes.error) -> OSError:
    number, text = error.winerror, error.strerror
    kind = Absent if number in CHANNEL_NOT_FOUND else Stale if number in STALE else OSError
    return kind(number, text)
