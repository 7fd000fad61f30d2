"""How much memory a process took."""

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def read_peak_mb() -> float:
    """Largest resident memory of this process so far, in MB (10^6 bytes).

    Linux's VmHWM starts anew with a program; getrusage, for other systems, also counts what the program that
    started this one held.
    """
    if STATUS.is_file():
        kilobytes = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(kilobytes.split()[1]) * 1024 / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
