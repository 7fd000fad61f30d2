"""Devices, distributed ranks and the memory allocator of this process."""

import ctypes
import os
import platform
from typing import TYPE_CHECKING, Any, NamedTuple

from fer_zoo.errors import TrainingError

if TYPE_CHECKING:
    import torch


# mallopt(3). By default glibc returns a freed activation of some megabytes to the kernel and requests it
# again, page by page, in the next step. 15 steps of efficientnet_lite0 (96 pixels, batch 64, two cores)
# cause 1.68 million page faults, 0.43 million with these settings; 193 images/s became 233, with a
# bit-identical loss.
# Inference on 1,500 faces in batches of 256: cnn-baseline 900 to 1,800 faces/s, resnet_48 550 to 800,
# efficientnet_lite0 320 to 930.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MALLOPT = {_M_MMAP_THRESHOLD: 1 << 30, _M_TRIM_THRESHOLD: (1 << 31) - 1, _M_TOP_PAD: 1 << 28}  # bytes


CPU_PROVIDER = "CPUExecutionProvider"


class Ranks(NamedTuple):
    """This process among those that torchrun started."""

    rank: int
    local: int  # rank on this machine
    size: int  # processes in all


def read_world() -> Ranks:
    """torchrun's environment variables, else one process. Raises TrainingError for a variable that is not a
    whole number, or a RANK that is not below WORLD_SIZE.
    """
    defaults = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
    given = {name: os.environ.get(name, default) for name, default in defaults.items()}
    wrong = [f"{name}={value}" for name, value in given.items() if not value.isdecimal()]
    ranks = Ranks(*(0 if wrong else int(value) for value in given.values()))
    if wrong or ranks.rank >= ranks.size:
        raise TrainingError(
            f"The environment has {', '.join(wrong or [f'RANK={ranks.rank}, WORLD_SIZE={ranks.size}'])}; "
            "allowed are whole numbers with RANK below WORLD_SIZE, as torchrun sets them, or none of them."
        )
    return ranks


def pick_device(name: str = "auto") -> "torch.device":
    """`auto` (a CUDA GPU if available, else Apple's MPS, else the CPU) or a torch device. Under torchrun,
    `auto` and `cuda` are the GPU of the local rank. Raises TrainingError for a device that is not available.
    """
    import torch

    if name == "auto":
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        name = next((kind for kind, is_there in available.items() if is_there), "cpu")
    if name == "cuda" and (ranks := read_world()).size > 1:
        name = f"cuda:{ranks.local}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
        if device.index is not None and device.type == "cuda":
            torch.cuda.set_device(device)  # NCCL uses the current device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise TrainingError(
            f"The device {name!r} cannot be used: {reason}. Always allowed: auto, cpu."
        ) from error
    return device


def list_providers(onnxruntime: Any) -> list[Any]:
    """The execution providers of ONNX Runtime that are there, the fastest first, as a session takes them.

    CUDA computes in float32, not TF32, so that answers stay those of the CPU to 1e-3. TensorRT and CoreML are
    left out: both compile a network anew for every batch size.
    """
    preferred = [("CUDAExecutionProvider", {"use_tf32": "0"}), ("MIGraphXExecutionProvider", {})]
    there = onnxruntime.get_available_providers()
    return [(name, options) for name, options in preferred if name in there] + [CPU_PROVIDER]


def keep_freed_memory() -> bool:
    """Let this process reuse freed memory instead of returning it to the kernel. False without glibc."""
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return all(library.mallopt(name, value) == 1 for name, value in _MALLOPT.items())
