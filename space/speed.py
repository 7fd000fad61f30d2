"""How long a model takes for one face on this machine, measured once for all visitors."""

import time
from statistics import median
from threading import Lock

from offered_models import load_once

RUNS, WARM_UPS = 20, 3

_milliseconds: dict[str, float] = {}
_lock = Lock()  # two that measure at once would slow each other down


def measure_latency(name: str) -> None:
    """Time a model's network on one face: the median of RUNS. Only the first call for a name does work."""
    import torch

    with _lock:
        if name in _milliseconds:
            return
        model = load_once(name)
        face = torch.zeros((1, 1, 48, 48), dtype=torch.uint8)
        taken = []
        with torch.inference_mode():
            for _ in range(WARM_UPS + RUNS):
                start = time.perf_counter()
                model(face)
                taken.append(1000 * (time.perf_counter() - start))
        _milliseconds[name] = median(taken[WARM_UPS:])


def list_latencies() -> dict[str, float]:
    """Milliseconds for one face, by model name, of the models measured so far."""
    return dict(_milliseconds)


def count_threads() -> int:
    """CPU threads of one computation, as `load_once` set them."""
    import torch

    return torch.get_num_threads()
