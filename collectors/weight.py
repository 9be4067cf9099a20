"""Bytes of memory that this process holds now."""

import sys

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS of <psapi.h>."""

        _fields_ = (
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            ("WorkingSetSize", ctypes.c_size_t),
            ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
            ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
            ("PagefileUsage", ctypes.c_size_t),
            ("PeakPagefileUsage", ctypes.c_size_t),
        )

    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.GetCurrentProcess.restype = wintypes.HANDLE
    _kernel32.K32GetProcessMemoryInfo.argtypes = (wintypes.HANDLE, ctypes.POINTER(_Counters), wintypes.DWORD)

    def resident() -> int:
        counters = _Counters(cb=ctypes.sizeof(_Counters))
        if not _kernel32.K32GetProcessMemoryInfo(_kernel32.GetCurrentProcess(), counters, counters.cb):
            raise ctypes.WinError(ctypes.get_last_error())
        return int(counters.WorkingSetSize)

elif sys.platform == "darwin":
    import resource

    def resident() -> int:
        """The highest so far: getrusage(2) tells no other, so a cap is passed for good here."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

else:
    import os

    _PAGE = os.sysconf("SC_PAGE_SIZE")

    def resident() -> int:
        """proc_pid_statm(5)."""
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path object every few seconds
            return int(file.read().split()[1]) * _PAGE
