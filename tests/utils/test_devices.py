"""Freed memory is reused on glibc; other systems are unchanged."""

import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from fer_zoo.utils.devices import keep_freed_memory, list_providers, pick_device

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


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_fastest_device_there_is(
    cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch, "empty", lambda *size, device: None)  # this machine has neither
    assert pick_device("auto").type == expected


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["CPUExecutionProvider"], ["CPUExecutionProvider"]),
        (["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"], ["CUDA", "CPU"]),
    ],
)
def test_onnx_runtime_takes_the_providers_that_are_there(there: list[str], expected: list[str]) -> None:
    chosen = list_providers(SimpleNamespace(get_available_providers=lambda: there))
    names = [one if isinstance(one, str) else one[0] for one in chosen]
    assert [name.removesuffix("ExecutionProvider") for name in names] == [
        name.removesuffix("ExecutionProvider") for name in expected
    ]
