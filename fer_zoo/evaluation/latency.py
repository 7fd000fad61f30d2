"""How long a model takes for one face on this machine's processor."""

import time
from statistics import median
from typing import Any

import torch

from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.emotions import SIDE


def measure_latency(model: FaceClassifier, repeats: int = 50) -> dict[str, Any]:
    """Median milliseconds for one uint8 face (1, 1, 48, 48) to logits on the CPU, and torch's threads."""
    face = torch.randint(0, 256, (1, 1, SIDE, SIDE), dtype=torch.uint8)
    model = model.to("cpu").eval()
    seconds = []
    with torch.inference_mode():
        for _ in range(repeats + 5):  # the first calls allocate
            start = time.perf_counter()
            model(face)
            seconds.append(time.perf_counter() - start)
    return {"milliseconds": round(1000 * median(seconds[5:]), 2), "threads": torch.get_num_threads()}
