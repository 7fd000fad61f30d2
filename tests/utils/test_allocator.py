"""Freed memory is kept on glibc, and other systems are left alone."""

import platform
import subprocess
import sys

import pytest

from fer_zoo.utils.allocator import keep_freed_memory

COUNT_FAULTS = """
import resource, sys
import numpy as np
from fer_zoo.utils.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
np.ones(5_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(5_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    faults = {
        mode: int(
            subprocess.run(
                [sys.executable, "-c", COUNT_FAULTS, mode], check=True, capture_output=True, text=True
            ).stdout
        )
        for mode in ("keep", "give")
    }
    assert faults["keep"] * 5 < faults["give"]


def test_another_c_library_is_left_alone(monkeypatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False
