"""Program and person of a process id."""

import ctypes
import time
from ctypes import wintypes
from functools import lru_cache

import pywintypes
import win32api
import win32con
import win32security

from collectors.sources.who import NOBODY, Who

QUERY_LIMITED = 0x1000
LONGEST_PATH = 32_768
ASK_AGAIN = 30
"""Seconds: process ids are used again."""

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.QueryFullProcessImageNameW.argtypes = (
    wintypes.HANDLE,
    wintypes.DWORD,
    wintypes.LPWSTR,
    ctypes.POINTER(wintypes.DWORD),
)


def who(pid: int) -> Who:
    """Unknown parts are empty: the process is gone, or protected."""
    return _known(pid, int(time.monotonic()) // ASK_AGAIN) if pid > 0 else NOBODY


@lru_cache(4096)
def _known(pid: int, _while: int) -> Who:
    try:
        process = win32api.OpenProcess(QUERY_LIMITED, False, pid)
    except pywintypes.error:
        return Who(pid)
    try:
        return Who(pid, _image(int(process)), _user(process))
    finally:
        process.Close()


def _image(process: int) -> str:
    size = wintypes.DWORD(LONGEST_PATH)
    buffer = ctypes.create_unicode_buffer(LONGEST_PATH)
    return buffer.value if _kernel32.QueryFullProcessImageNameW(process, 0, buffer, size) else ""


def _user(process: object) -> str:
    try:
        token = win32security.OpenProcessToken(process, win32con.TOKEN_QUERY)
        sid, _ = win32security.GetTokenInformation(token, win32security.TokenUser)
        name, domain, _ = win32security.LookupAccountSid(None, sid)
    except pywintypes.error:
        return ""
    return f"{domain}\\{name}"
