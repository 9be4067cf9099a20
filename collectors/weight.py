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
    import ctypes
    import os

    class _Usage(ctypes.Structure):
        """rusage_info_v0 of <sys/resource.h>."""

        _fields_ = (
            ("ri_uuid", ctypes.c_uint8 * 16),
            ("ri_user_time", ctypes.c_uint64),
            ("ri_system_time", ctypes.c_uint64),
            ("ri_pkg_idle_wkups", ctypes.c_uint64),
            ("ri_interrupt_wkups", ctypes.c_uint64),
            ("ri_pageins", ctypes.c_uint64),
            ("ri_wired_size", ctypes.c_uint64),
            ("ri_resident_size", ctypes.c_uint64),
            ("ri_phys_footprint", ctypes.c_uint64),
            ("ri_proc_start_abstime", ctypes.c_uint64),
            ("ri_proc_exit_abstime", ctypes.c_uint64),
        )

    _V0 = 0
    _libproc = ctypes.CDLL("/usr/lib/libproc.dylib", use_errno=True)
    _libproc.proc_pid_rusage.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.POINTER(_Usage))

    def resident() -> int:
        """<libproc.h>, proc_pid_rusage."""
        usage = _Usage()
        if _libproc.proc_pid_rusage(os.getpid(), _V0, usage):
            raise OSError(ctypes.get_errno(), "proc_pid_rusage")
        return int(usage.ri_resident_size)

else:
    import os

    _PAGE = os.sysconf("SC_PAGE_SIZE")

    def resident() -> int:
        """proc_pid_statm(5)."""
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path object every few seconds
            return int(file.read().split()[1]) * _PAGE
