"""How long a model takes for one face on this machine, measured once for all visitors."""

from threading import Lock
from typing import Any

import fer_zoo
from page.offered_models import load_once

_measured: dict[str, dict[str, Any]] = {}
_lock = Lock()  # two that measure at once would slow each other down


def measure_speed(name: str) -> None:
    """Only the first call for a name does work. Loads the model where it is not loaded."""
    with _lock:
        if name not in _measured:
            _measured[name] = fer_zoo.measure_latency(load_once(name))


def list_speeds() -> dict[str, dict[str, Any]]:
    """As `fer_zoo.measure_latency` gives them, by model name: {"milliseconds", "threads"}."""
    return dict(_measured)
