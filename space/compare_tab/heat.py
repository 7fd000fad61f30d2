"""Why: for one face and one emotion a heatmap of each model, computed when somebody asks."""

from collections.abc import Mapping, Sequence

import numpy as np

import fer_zoo
from page.data_uris import encode_picture
from page.offered_models import create_recognizer
from page.templates import render
from page.uploads import hide_paths
from page.words import name_label, say


def render_heats(
    key: str,
    crop: np.ndarray,
    index: int,
    emotion: str,
    classes: Mapping[str, Sequence[str]],
    language: str,
) -> str:
    """HTML of the heatmaps of face `index` for an emotion, by the models that have it among their classes.

    crop: uint8 (48, 48).
    """
    targets = {name: [own.index(emotion)] for name, own in classes.items() if emotion in own}
    maps, faults = create_recognizer(list(classes)).explain(crop[None], targets, keep_going=True)
    shown = name_label(language, emotion)
    heats = [
        {
            "name": name,
            "source": encode_picture(fer_zoo.draw_heat(crop, heat[0]), "WEBP"),
            "alt": say(language, "compare.heat", name=name, emotion=shown),
        }
        for name, heat in maps.items()
    ]
    return render(
        "heats",
        language,
        key=key,
        index=index,
        emotion=emotion,
        title=say(language, "compare.where", emotion=shown),
        heats=heats,
        faults={name: hide_paths(fault) for name, fault in faults.items()},
    )
