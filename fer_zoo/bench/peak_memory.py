"""Peak memory of a process."""

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def read_peak_mb() -> float:
    """Peak resident memory of this process so far, in MB (10^6 bytes).

    Linux's VmHWM is reset when a program starts; getrusage, for macOS and others, includes the memory of the
    parent at the fork.
    """
    if STATUS.is_file():
        kilobytes = next(
            line for line in STATUS.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")
        )
        return int(kilobytes.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return _read_peak_working_set() / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _read_peak_working_set() -> int:
    """Bytes, from Windows' GetProcessMemoryInfo."""
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS of psapi.h."""

        _fields_ = (
            ("size", wintypes.DWORD),
            ("page_faults", wintypes.DWORD),
            ("peak_working_set", ctypes.c_size_t),
            ("others", ctypes.c_size_t * 7),
        )

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]  # only on Windows
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    kernel.K32GetProcessMemoryInfo.argtypes = (
        wintypes.HANDLE,
        ctypes.POINTER(Counters),
        wintypes.DWORD,
    )
    counters = Counters(size=ctypes.sizeof(Counters))
    kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.size)
    return counters.peak_working_set
