"""Freed memory is reused on glibc; other systems are unchanged."""

import platform
import subprocess
import sys

import pytest

from fer_zoo.utils.devices import keep_freed_memory

COUNT_PAGE_FAULTS = """
import resource, sys
import numpy as np
from fer_zoo.utils.devices import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
np.ones(5_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(5_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_freed_memory_is_reused_without_page_faults() -> None:
    page_faults = {
        mode: int(
            subprocess.run(
                [sys.executable, "-c", COUNT_PAGE_FAULTS, mode], check=True, capture_output=True, text=True
            ).stdout
        )
        for mode in ("keep", "default")
    }
    assert page_faults["keep"] * 5 < page_faults["default"]


def test_another_c_library_is_unchanged(monkeypatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False
