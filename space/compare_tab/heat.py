"""Why: for one face a heatmap of each model, computed when somebody asks."""

from typing import TYPE_CHECKING

from markupsafe import Markup

import fer_zoo
from fer_zoo import EMOTIONS
from page import words
from page.data_uris import encode_picture
from page.offered_models import create_recognizer
from page.uploads import hide_paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

# The script of the page moves each content into the cell of the shown face that has the same name.
HEATS = Markup('<div data-for="{key}" data-of="{index}">{heats}</div>')
HEAT = Markup('<div data-model="{name}"><img class="fz-heat-picture" src="{source}" alt="{words}"></div>')
FAULT = Markup('<div data-model="{name}"><small>{fault}</small></div>')


def render_heats(
    key: str, crops: "np.ndarray", answers: "Mapping[str, Sequence[int]]", index: int, language: str
) -> str:
    """HTML of the heatmaps for the top answers of face `index`. crops: uint8 (N, 48, 48)."""
    tops = {name: [indices[index]] for name, indices in answers.items()}
    recognizer = create_recognizer(list(answers))
    maps, faults = recognizer.explain(crops[index : index + 1], tops, keep_going=True)
    heats = [
        HEAT.format(
            name=name,
            source=encode_picture(fer_zoo.draw_heat(crops[index], heat[0]), "WEBP"),
            words=_describe_heat(name, tops[name][0], language),
        )
        for name, heat in maps.items()
    ]
    heats += [FAULT.format(name=name, fault=hide_paths(fault)) for name, fault in faults.items()]
    return HEATS.format(key=key, index=index, heats=Markup("").join(heats))


def _describe_heat(name: str, top: int, language: str) -> str:
    emotion = words.say(language, f"emotion.{EMOTIONS[top]}")
    return words.say(language, "compare.heat", name=name, emotion=emotion)
