"""Why: for one face a heatmap of each model, computed when somebody asks."""

from typing import TYPE_CHECKING

import fer_zoo
from fer_zoo import EMOTIONS
from page.data_uris import encode_picture
from page.offered_models import create_recognizer
from page.templates import render
from page.uploads import hide_paths
from page.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np


def render_heats(
    key: str, crops: "np.ndarray", answers: "Mapping[str, Sequence[int]]", index: int, language: str
) -> str:
    """HTML of the heatmaps for the top answers of face `index`. crops: uint8 (N, 48, 48)."""
    tops = {name: [indices[index]] for name, indices in answers.items()}
    recognizer = create_recognizer(list(answers))
    maps, faults = recognizer.explain(crops[index : index + 1], tops, keep_going=True)
    heats = [
        {
            "name": name,
            "source": encode_picture(fer_zoo.draw_heat(crops[index], heat[0]), "WEBP"),
            "alt": _describe_heat(name, tops[name][0], language),
        }
        for name, heat in maps.items()
    ]
    told = {name: hide_paths(fault) for name, fault in faults.items()}
    return render("heats", language, key=key, index=index, heats=heats, faults=told)


def _describe_heat(name: str, top: int, language: str) -> str:
    emotion = say(language, f"emotion.{EMOTIONS[top]}")
    return say(language, "compare.heat", name=name, emotion=emotion)
