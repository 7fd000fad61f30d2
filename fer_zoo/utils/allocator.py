"""Memory that one batch frees is kept for the next."""

import ctypes
import platform

# mallopt(3). glibc gives a freed activation of some megabytes back to the kernel and gets it again, page by
# page, in the next step: 15 steps of efficientnet_lite0 (96 pixels, 64 faces, two cores) make 1.68 million
# page faults, and 0.43 million with these settings; 193 images a second became 233, the loss the same to
# the bit. Without gradients, 1,500 faces in batches of 256: cnn-baseline 900 to 1,800 faces a second,
# resnet_48 550 to 800, efficientnet_lite0 320 to 930.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
KEPT = {M_MMAP_THRESHOLD: 1 << 30, M_TRIM_THRESHOLD: (1 << 31) - 1, M_TOP_PAD: 1 << 28}  # bytes


def keep_freed_memory() -> bool:
    """For the rest of this process; False, and nothing is changed, where the C library is not glibc."""
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return all(library.mallopt(name, value) == 1 for name, value in KEPT.items())
