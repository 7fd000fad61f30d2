"""What a model's config.json may say. It comes from anywhere: nothing in it is a path, a class or code."""

import math
from typing import TYPE_CHECKING, Any

from fer_zoo.emotions import SAFE_NAME, SIDE, check_classes
from fer_zoo.errors import FerZooError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fer_zoo.models.registry import Architecture

# Pixels of a network's input, where the network takes several. A batch of 1,024 pixels took 6 GB.
SMALLEST_SIDE, LARGEST_SIDE = 8, 256
COLDEST, HOTTEST = 0.01, 100.0  # calibration temperatures; the measured ones are near 1
SMALLEST_STD, LARGEST_MEAN = 1e-3, 1e3
MAX_MEMBERS = 20  # of an ensemble: as many as it has votes
MAX_DEPTH = 5  # of tables in metrics; a score's reliability diagram has four
SCORE_TEXTS = ("model", "split", "tta")  # all else in a score is numbers


def check_object(name: str, value: Any) -> None:
    """Raises TypeError for what is no table; `name` begins its message."""
    if not isinstance(value, dict):
        raise TypeError(f"{name} is a {type(value).__name__}; allowed is an object")


def check_block(block: Any) -> None:
    """Raises ValueError, TypeError or KeyError for a `fer_zoo` block that a model cannot be made of."""
    check_object("fer_zoo", block)
    check_object("input", block["input"])
    if not (isinstance(block["name"], str) and SAFE_NAME.fullmatch(block["name"])):  # files get it
        raise TypeError(f"the name is {block['name']!r:.60}; allowed are letters, digits, dots, - and _")
    if not isinstance(block.get("tag", ""), str):
        raise TypeError(f"the tag is {block['tag']!r:.60}; allowed is text")
    check_scale(block["input"], block["temperature"])
    check_network(block.get("network"))
    for key in ("data", "training", "calibration"):
        if not isinstance(block.get(key, {}), dict):
            raise TypeError(f"{key} is {block[key]!r:.60}; allowed is an object")
    metrics = block.get("metrics", {})
    if not isinstance(metrics, dict) or not all(isinstance(score, dict) for score in metrics.values()):
        raise TypeError("metrics is not an object of objects")
    _check_figures("metrics", metrics, MAX_DEPTH)
    if not isinstance(block.get("weights_sha256", ""), str):
        raise TypeError("weights_sha256 is not text")


def check_labels(config: dict[str, Any]) -> list[str]:
    """The class names of a config.json, in its `label_names` and in its block's `classes` (`emotions` in
    version 0.1), which are to be equal where there are several. Raises ValueError.
    """
    block = config["fer_zoo"]
    given = (config.get("label_names"), block.get("classes"), block.get("emotions"))
    named = [names for names in given if names is not None]
    if not named or any(names != named[0] for names in named):
        raise ValueError(
            f"the classes are {' and '.join(f'{names!r:.60}' for names in named) or 'not named'}"
        )
    try:
        classes = check_classes(named[0])
    except FerZooError as error:
        raise ValueError(str(error)) from error
    return list(classes)


def check_same_classes(classes: list[str], of_member: "Sequence[str]") -> None:
    """Raises ValueError for an ensemble's member with other classes than the ensemble."""
    if list(of_member) != classes:
        raise ValueError(f"a member has the classes {', '.join(of_member)[:60]}, not the ensemble's")


def check_scale(scale: Any, temperature: Any) -> None:
    """Raises ValueError or TypeError for an input or a calibration temperature that is out of range."""
    size = scale["size"]
    if not isinstance(size, int) or not SMALLEST_SIDE <= size <= LARGEST_SIDE:
        raise ValueError(
            f"the input size is {size!r:.60}; allowed is a whole number, {SMALLEST_SIDE} to {LARGEST_SIDE}"
        )
    check_number("mean", scale["mean"], -LARGEST_MEAN, LARGEST_MEAN)
    check_number("std", scale["std"], SMALLEST_STD, LARGEST_MEAN)
    check_number("temperature", temperature, COLDEST, HOTTEST)


def check_network(options: Any) -> None:
    """Raises TypeError for what is no table of a network's options; building it checks their values."""
    if options is not None:
        check_object("network", options)


def check_size(row: "Architecture | None", size: int) -> None:
    """Raises ValueError for an input that the network cannot take. row: None for an ensemble, whose members
    resize the face themselves.
    """
    if row and row.supports_variable_size:
        return
    wanted = row.input_size if row else SIDE
    if size != wanted:
        raise ValueError(
            f"the input size is {size}; {row.name if row else 'an ensemble'} takes {wanted} pixels alone"
        )


def _check_figures(name: str, value: Any, depth: int) -> None:
    """Raises TypeError or ValueError for anything but tables and lists of numbers that a card can print."""
    if isinstance(value, dict) and depth:
        for key, part in value.items():
            if not SAFE_NAME.fullmatch(key):
                raise ValueError(f"{name} has the name {key!r:.60}; allowed are letters and digits")
            if not (key in SCORE_TEXTS and isinstance(part, str) and SAFE_NAME.fullmatch(part)):
                _check_figures(key, part, depth - 1)
    elif isinstance(value, list) and depth:
        for part in value:
            _check_figures(name, part, depth - 1)
    elif not (value is None or isinstance(value, (int, float))):
        raise TypeError(f"{name} is {value!r:.60}; allowed is a number")


def check_members(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Raises ValueError or KeyError for too many or none."""
    members = block["members"]
    if not isinstance(members, list) or not 1 <= len(members) <= MAX_MEMBERS:
        raise ValueError(f"members is not a list of 1 to {MAX_MEMBERS}")
    return members


def check_weight(weight: Any) -> float:
    """Raises ValueError for a member's weight that is not a number above 0."""
    check_number("weight", weight, 1e-6, 1e6)
    return float(weight)


def check_number(name: str, value: Any, lowest: float, highest: float) -> None:
    """Written so that NaN fails."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number and lowest <= value <= highest and math.isfinite(value)):
        raise ValueError(f"{name} is {value!r:.60}; allowed is a number from {lowest:g} to {highest:g}")
