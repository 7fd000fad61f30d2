"""What an epoch has to do by arithmetic, how fast this machine could do it, and how long training takes."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode

from fer_zoo.bench.training_speed import TRAINING_FACES, Benchmark, make_faces, prepare_ours
from fer_zoo.models.registry import find_architecture
from fer_zoo.training.epoch import count_steps
from fer_zoo.training.optim import select_precision

COPIED = 1 << 28  # bytes: more than a cache holds
PRODUCT_SIDE = {"cpu": 1024, "cuda": 8192}
CALLS = 10  # of which the fastest counts: a peak, not a habit


class CountBytes(TorchDispatchMode):
    """Bytes that operations read and write if each reads its arguments and writes its results once, as
    without fusion. A view moves nothing; of a table that is looked up in, what is taken counts.
    """

    total = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        results = function(*args, **(kwargs or {}))
        returned = function._schema.returns
        is_view = any(one.alias_info is not None and not one.alias_info.is_write for one in returned)
        name = function._schema.name.removeprefix("aten::")
        if is_view or name.startswith(("empty", "new_empty")):
            return results
        written = _measure(results)
        if not written:  # an operation in place on a list returns nothing: the first argument is what changes
            written = _measure(args[:1])
        self.total += written + (written if name.startswith("index") else _measure((args, kwargs)))
        return results


def measure_roofline(contest: Benchmark, epoch_s: float) -> dict[str, float]:
    """Floating-point operations (of convolutions and matrix products) and bytes of an epoch of FER2013's
    28,709 faces, counted in a step of `contest` without compilation; the speed of a matrix product in the
    precision of training and of a copy, on its device; the seconds that these allow at best; and how many
    times the larger of them an epoch of `epoch_s` takes. Data in a cache can undercut the bytes' floor.
    """
    device, row = torch.device(contest.device), find_architecture(contest.architecture)
    flop, moved = count_step(contest)
    steps = count_steps(TRAINING_FACES, contest.recipe.batch_size)
    in_half = isinstance(select_precision(row, contest.recipe.precision, device), torch.autocast)
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
    """Two lines for people."""
    return (
        f"  an epoch: {floors['epoch_tflop']:,} TFLOP and {floors['epoch_gb']:,} GB; a matrix product does "
        f"{floors['product_tflop_per_s']:,} TFLOP/s here, a copy {floors['copy_gb_per_s']:,} GB/s\n"
        f"  so {floors['floor_flop_s']:.3f} s and {floors['floor_bytes_s']:.3f} s at least; fer-zoo train "
        f"takes {floors['times_the_floor']:.1f} times the longer"
    )


def count_step(contest: Benchmark) -> tuple[int, int]:
    """Floating-point operations and bytes of one step: what two steps do more than one."""
    counts = []
    recipe = replace(contest.recipe, compile=False)
    for steps in (1, 2):
        faces = make_faces(contest.faces, steps * recipe.batch_size)
        run_round = prepare_ours(replace(contest, faces=faces, recipe=recipe))
        with FlopCounterMode(display=False) as flop, CountBytes() as moved:
            run_round()
        counts.append((flop.get_total_flops(), moved.total))
    return counts[1][0] - counts[0][0], counts[1][1] - counts[0][1]


def measure_product(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of a square matrix product."""
    side = PRODUCT_SIDE[device.type]
    matrix = torch.randn(side, side, device=device, dtype=dtype)
    return 2 * side**3 / _time_best(lambda: matrix @ matrix, device)


def measure_copy(device: torch.device) -> float:
    """Bytes a second of a copy in the device's memory, read and written."""
    source = torch.ones(COPIED, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    return 2 * COPIED / _time_best(lambda: target.copy_(source), device)


def _time_best(call: Callable[[], object], device: torch.device) -> float:
    """Seconds."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    seconds = []
    for _ in range(CALLS):
        wait()
        begin = time.perf_counter()
        call()
        wait()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def _measure(values: Any) -> int:
    """Bytes of the tensors in there; an expanded one is as large as what it repeats."""
    return sum(
        min(one.numel() * one.element_size(), one.untyped_storage().nbytes())
        for one in tree_iter(values)
        if isinstance(one, torch.Tensor)
    )
