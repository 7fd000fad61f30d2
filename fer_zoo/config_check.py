"""What a model's config.json may say. It comes from anywhere: nothing in it is a path, a class or code."""

import math
from typing import Any

from fer_zoo.emotions import EMOTIONS

SMALLEST_SIDE, LARGEST_SIDE = 8, 1024  # pixels of a network's input
COLDEST, HOTTEST = 0.01, 100.0  # calibration temperatures; the measured ones are near 1
SMALLEST_STD, LARGEST_MEAN = 1e-3, 1e3
MOST_MEMBERS = 16  # of an ensemble


def check_block(block: Any) -> None:
    """Raises ValueError, TypeError or KeyError for a `fer_zoo` block that a model cannot be made of."""
    if not isinstance(block, dict):
        raise TypeError(f"fer_zoo is a {type(block).__name__}; allowed is an object")
    if not isinstance(block["name"], str):
        raise TypeError(f"the name is {block['name']!r:.60}; allowed is text")
    if block.get("emotions") != list(EMOTIONS):
        raise ValueError(f"the emotions are {block.get('emotions')!r:.100}; allowed is {list(EMOTIONS)}")
    check_scale(block["input"], block["temperature"])
    metrics = block.get("metrics", {})
    if not isinstance(metrics, dict) or not all(isinstance(score, dict) for score in metrics.values()):
        raise TypeError("metrics is no object of objects")
    if not isinstance(block.get("weights_sha256", ""), str):
        raise TypeError("weights_sha256 is no text")


def check_scale(scale: Any, temperature: Any) -> None:
    """Raises ValueError or TypeError for an input or a calibration temperature that is out of range."""
    size = scale["size"]
    if not isinstance(size, int) or not SMALLEST_SIDE <= size <= LARGEST_SIDE:
        raise ValueError(
            f"the input size is {size!r:.60}; allowed is a whole number, {SMALLEST_SIDE} to {LARGEST_SIDE}"
        )
    _check_number("mean", scale["mean"], -LARGEST_MEAN, LARGEST_MEAN)
    _check_number("std", scale["std"], SMALLEST_STD, LARGEST_MEAN)
    _check_number("temperature", temperature, COLDEST, HOTTEST)


def check_members(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Raises ValueError or KeyError for too many or none."""
    members = block["members"]
    if not isinstance(members, list) or not 1 <= len(members) <= MOST_MEMBERS:
        raise ValueError(f"members is no list of 1 to {MOST_MEMBERS}")
    return members


def check_weight(weight: Any) -> float:
    """Raises ValueError for a member's weight that is no number above 0."""
    _check_number("weight", weight, 1e-6, 1e6)
    return float(weight)


def _check_number(name: str, value: Any, lowest: float, highest: float) -> None:
    """Written so that NaN fails."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number and lowest <= value <= highest and math.isfinite(value)):
        raise ValueError(f"{name} is {value!r:.60}; allowed is a number from {lowest:g} to {highest:g}")
