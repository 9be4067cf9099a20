"""EvtSubscribe and its kin, through pywin32: the pull model, so that no foreign thread enters Python.

Windows Event Log functions: https://learn.microsoft.com/windows/win32/wes/windows-event-log-functions
"""

from collections.abc import Sequence
from contextlib import suppress

import pywintypes
import win32event
import win32evtlog

from collectors.windows.event_log import OLDEST, Absent, Stale

AT_ONCE = 256
CHANNEL_NOT_FOUND = (15007, 15001, 2)
"""ERROR_EVT_CHANNEL_NOT_FOUND, ERROR_EVT_INVALID_QUERY, ERROR_FILE_NOT_FOUND."""
STALE = (15011, 1168, 15038)
"""ERROR_EVT_QUERY_RESULT_STALE, ERROR_NOT_FOUND (EvtSubscribeStrict), ERROR_EVT_BOOKMARK_NOT_FOUND."""
NOTHING_NOW = (259, 1460, 258)
"""ERROR_NO_MORE_ITEMS, ERROR_TIMEOUT, WAIT_TIMEOUT."""
TOO_MANY_AT_ONCE = 1734
"""RPC_S_INVALID_BOUND: large events, more of them than one answer holds; the subscription is of no more use."""


class ChannelSubscription:
    """Implements event_log.Subscription."""

    def __init__(self, channel: str, bookmark: str) -> None:
        """Raises Stale, Absent, OSError."""
        self._channel = channel
        self._at_once = AT_ONCE
        self._at_oldest = bookmark == OLDEST
        try:
            self._arrived = win32event.CreateEvent(None, True, True, None)
            self._bookmark = win32evtlog.EvtCreateBookmark(bookmark if bookmark and not self._at_oldest else None)
            if not bookmark:
                self._mark_the_newest()
            self._subscribe()
        except pywintypes.error as error:
            raise _translated(error) from error

    def events(self) -> Sequence[str]:
        """Raises OSError."""
        if win32event.WaitForSingleObject(self._arrived, 0) != win32event.WAIT_OBJECT_0:
            return ()
        # Before asking, not after: what arrives between answer and reset would be heard with the next event only.
        win32event.ResetEvent(self._arrived)
        try:
            handles = self._next()
            if not handles:
                return ()
            win32event.SetEvent(self._arrived)  # there may be more
            texts = [str(win32evtlog.EvtRender(handle, win32evtlog.EvtRenderEventXml)) for handle in handles]
            win32evtlog.EvtUpdateBookmark(self._bookmark, handles[-1])
        except pywintypes.error as error:
            raise _translated(error) from error
        self._at_oldest = False
        return texts

    def bookmark(self) -> str:
        """OLDEST while the channel has never had an event."""
        return OLDEST if self._at_oldest else str(win32evtlog.EvtRender(self._bookmark, win32evtlog.EvtRenderBookmark))

    def close(self) -> None:
        self._handle.close()
        self._arrived.close()

    def _mark_the_newest(self) -> None:
        """What comes from now on begins behind it, also when nothing comes before the agent's next start."""
        direction = win32evtlog.EvtQueryChannelPath | win32evtlog.EvtQueryReverseDirection
        newest = win32evtlog.EvtNext(win32evtlog.EvtQuery(self._channel, direction, "*"), 1)
        self._at_oldest = not newest
        if newest:
            win32evtlog.EvtUpdateBookmark(self._bookmark, newest[0])

    def _subscribe(self) -> None:
        if self._at_oldest:
            flags, bookmark = win32evtlog.EvtSubscribeStartAtOldestRecord, None
        else:
            flags = win32evtlog.EvtSubscribeStartAfterBookmark | win32evtlog.EvtSubscribeStrict
            bookmark = self._bookmark
        self._handle = win32evtlog.EvtSubscribe(
            self._channel, flags, SignalEvent=self._arrived, Query="*", Bookmark=bookmark
        )

    def _next(self) -> Sequence[object]:
        try:
            return tuple(win32evtlog.EvtNext(self._handle, self._at_once, Timeout=0))
        except pywintypes.error as error:
            if error.winerror in NOTHING_NOW:
                return ()
            if error.winerror != TOO_MANY_AT_ONCE or self._at_once == 1:
                raise
        self._at_once //= 2
        with suppress(pywintypes.error):
            self._handle.close()
        self._subscribe()
        return self._next()


def _translated(error: pywintypes.error) -> OSError:
    number, text = error.winerror, error.strerror
    kind = Absent if number in CHANNEL_NOT_FOUND else Stale if number in STALE else OSError
    return kind(number, text)
