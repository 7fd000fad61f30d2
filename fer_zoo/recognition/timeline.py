"""The timeline of a video: the probabilities of each face over time, as PNG."""

from pathlib import Path

import numpy as np

from fer_zoo.artifacts.score_plots import DOTS_PER_INCH, format_percent_axis, new_figure, simplify_axes
from fer_zoo.emotions import find_colors
from fer_zoo.recognition.video_summary import VideoStory
from fer_zoo.utils.files import write_atomically

MAX_LEGEND_COLUMNS = 8
MAX_DRAWN = 4  # faces, each with a band for every model


def draw_timeline(story: VideoStory, name: str, path: Path) -> None:
    """Write a PNG with a stacked band for each face and model: the smoothed probabilities over time, next to
    the portrait. Of many faces the four that are in most frames.
    """
    from matplotlib.patches import Patch

    shown = [(number, face, model) for number, face in story.longest[:MAX_DRAWN] for model in story.models]
    figure = new_figure(1.2 + 1.35 * max(1, len(shown)))
    panels = figure.subplots(max(1, len(shown)), 2, width_ratios=[1, 7], squeeze=False)
    for (portrait, axes), (number, face, model) in zip(panels, shown, strict=False):
        portrait.imshow(face.portrait)
        portrait.set_xlabel(f"face {number}")
        axes.set_title(model, loc="left", size=10, parse_math=False)
        seconds, table = np.array(face.seconds), face.stack(model)
        colors = find_colors(story.name_classes(model))
        for segment in face.segments:
            axes.stackplot(seconds[segment], table[segment].T, colors=colors)
    for portrait, axes in panels:
        portrait.set(xticks=[], yticks=[])
        portrait.spines[:].set_visible(False)
        simplify_axes(axes)
        axes.set(xlim=(0, max(story.end, 1e-3)), ylim=(0, 1))
        axes.tick_params(labelbottom=axes is panels[-1, 1])
        format_percent_axis(axes.yaxis)
    panels[-1, 1].set_xlabel("seconds")
    count = len(story.faces)
    limited = f", the {MAX_DRAWN} longest visible" if count > MAX_DRAWN else ""
    title = f"{name}: {count} face{'' if count == 1 else 's'}{limited}"
    figure.suptitle(title, x=0.01, ha="left", weight="bold", parse_math=False)
    legend: dict[str, str] = {}
    for model in story.models:
        classes = story.name_classes(model)
        legend |= dict(zip(classes, find_colors(classes), strict=True))
    patches = [Patch(color=color) for color in legend.values()]
    spacing = {"handlelength": 1.0, "columnspacing": 1.2, "frameon": False}
    columns = min(len(legend), MAX_LEGEND_COLUMNS)
    figure.legend(patches, list(legend), loc="outside lower center", ncols=columns, fontsize=9, **spacing)
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=DOTS_PER_INCH, format="png"))
