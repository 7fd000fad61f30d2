"""Roofline of training: FLOPs and bytes of an epoch, peak speeds of this machine, and the measured time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

from fer_zoo.bench.training_speed import TRAINING_FACES, Benchmark, make_faces, prepare_ours
from fer_zoo.models.registry import find_architecture
from fer_zoo.training.epoch import count_steps
from fer_zoo.training.optim import select_precision
from fer_zoo.utils.torch_private import TorchDispatchMode, describe_operation, tree_iter

COPY_BYTES = 1 << 28  # more than a cache
MATRIX_SIDE = 1024, 8192  # on a CPU, on a GPU
CALLS = 10  # the fastest is the peak


class CountBytes(TorchDispatchMode):
    """Counts the bytes of operations that each read their arguments and write their results once, as without
    fusion. A view moves nothing; of an indexed tensor, the selected elements count.
    """

    total = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        results = function(*args, **(kwargs or {}))
        name, is_view = describe_operation(function)
        if is_view or name.startswith(("empty", "new_empty")):
            return results
        written = _measure(results)
        if not written:  # an in-place operation on a list returns nothing: the first argument changes
            written = _measure(args[:1])
        self.total += written + (written if name.startswith("index") else _measure((args, kwargs)))
        return results


def measure_roofline(benchmark: Benchmark, epoch_s: float) -> dict[str, float]:
    """Compare an epoch of FER2013's 28,709 faces, which took `epoch_s`, with what the machine allows.

    Returns `epoch_tflop` (convolutions and matrix products) and `epoch_gb`, counted without compilation; the
    speed of a matrix product in the precision of training and of a copy, on the device; the lower bounds that
    follow, in seconds (cached data can be faster than that of the bytes); the ratio of `epoch_s` to the
    larger.
    """
    device, row = torch.device(benchmark.device), find_architecture(benchmark.architecture)
    flop, moved = count_step(benchmark)
    steps = count_steps(TRAINING_FACES, benchmark.recipe.batch_size)
    in_half = isinstance(select_precision(row, benchmark.recipe.precision, device), torch.autocast)
    product = measure_product(device, torch.bfloat16 if in_half else torch.float32)
    copy = measure_copy(device)
    floors = (steps * flop / product, steps * moved / copy)
    return {
        "epoch_tflop": round(steps * flop / 1e12, 2),
        "epoch_gb": round(steps * moved / 1e9, 1),
        "product_tflop_per_s": round(product / 1e12, 3),
        "copy_gb_per_s": round(copy / 1e9, 1),
        "floor_flop_s": round(floors[0], 3),
        "floor_bytes_s": round(floors[1], 3),
        "times_the_floor": round(epoch_s / max(floors), 1),
    }


def format_roofline(floors: dict[str, float]) -> str:
    """Two lines of text."""
    return (
        f"  an epoch: {floors['epoch_tflop']:,} TFLOP and {floors['epoch_gb']:,} GB; a matrix product does "
        f"{floors['product_tflop_per_s']:,} TFLOP/s here, a copy {floors['copy_gb_per_s']:,} GB/s\n"
        f"  so {floors['floor_flop_s']:.3f} s and {floors['floor_bytes_s']:.3f} s at least; fer-zoo train "
        f"takes {floors['times_the_floor']:.1f} times the longer"
    )


def count_step(benchmark: Benchmark) -> tuple[int, int]:
    """Floating-point operations and bytes of one step: those of two steps less those of one."""
    counts = []
    recipe = replace(benchmark.recipe, compile=False)
    for steps in (1, 2):
        faces = make_faces(benchmark.faces, steps * recipe.batch_size)
        run_round = prepare_ours(replace(benchmark, faces=faces, recipe=recipe))
        with FlopCounterMode(display=False) as flop, CountBytes() as moved:
            run_round()
        counts.append((flop.get_total_flops(), moved.total))
    return counts[1][0] - counts[0][0], counts[1][1] - counts[0][1]


def measure_product(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of a square matrix product."""
    side = MATRIX_SIDE[device.type != "cpu"]
    matrix = torch.randn(side, side, device=device, dtype=dtype)
    return 2 * side**3 / _time_best(lambda: matrix @ matrix)


def measure_copy(device: torch.device) -> float:
    """Bytes a second of a copy in the device's memory, read and written."""
    source = torch.ones(COPY_BYTES, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    return 2 * COPY_BYTES / _time_best(lambda: target.copy_(source))


def _time_best(call: Callable[[], object]) -> float:
    """Seconds; the timer waits for the GPU."""
    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
    return min(timer.timeit(1).median for _ in range(CALLS))


def _measure(values: Any) -> int:
    """Bytes of the tensors; an expanded one has the size of its storage."""
    return sum(
        min(one.numel() * one.element_size(), one.untyped_storage().nbytes())
        for one in tree_iter(values)
        if isinstance(one, torch.Tensor)
    )
