"""PNG plots of a data set: the class histogram and a grid of random faces."""

from functools import partial
from pathlib import Path

import numpy as np

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.labels_and_splits import SPLIT_USAGES
from fer_zoo.emotions import find_colors
from fer_zoo.utils.files import write_atomically


def draw_histogram(dataset: FER2013, path: str | Path) -> None:
    """Write a PNG with one panel per split: count and percentage of each class."""
    from matplotlib.figure import Figure

    classes = dataset.classes
    figure = Figure(figsize=(12, max(4.2, 0.3 * len(classes))), layout="constrained")
    for axes, (name, title) in zip(figure.subplots(1, 3), SPLIT_USAGES.items(), strict=True):
        labels = dataset.split(name).labels
        counts = np.bincount(labels, minlength=len(classes))
        bars = axes.barh(classes, counts, color=find_colors(classes))
        axes.bar_label(
            bars, [f"{count:,}  {count / max(1, len(labels)):.0%}" for count in counts], padding=4, fontsize=9
        )
        axes.set_title(f"{title}: {len(labels):,} faces", loc="left", fontweight="bold")
        axes.set_xlim(0, max(1, counts.max() * 1.28))
        axes.invert_yaxis()
        axes.xaxis.set_visible(False)
        axes.tick_params(left=False)
        axes.spines[:].set_visible(False)
    write_atomically(Path(path), partial(figure.savefig, dpi=120, format="png"))


def draw_grid(
    dataset: FER2013,
    split: str,
    path: str | Path,
    rows: int = 5,
    columns: int = 10,
    generator: np.random.Generator | None = None,
) -> None:
    """Write a PNG of random distinct faces with their labels; the default generator has seed 0. Raises
    UnknownNameError for an unknown split.
    """
    from matplotlib.figure import Figure

    faces = dataset.split(split)
    colors = find_colors(faces.classes)
    generator = generator or np.random.default_rng(0)
    chosen = generator.permutation(len(faces))[: rows * columns]
    figure = Figure(figsize=(columns * 1.05, rows * 1.3), layout="constrained")
    for axes in (grid := figure.subplots(rows, columns, squeeze=False)).flat:
        axes.set_axis_off()
    for axes, face in zip(grid.flat, chosen, strict=False):
        label = faces.labels[face]
        axes.imshow(faces.pixels[face, 0], cmap="gray", vmin=0, vmax=255)
        axes.set_title(faces.classes[label], fontsize=9, color=colors[label], fontweight="bold", pad=3)
    write_atomically(Path(path), partial(figure.savefig, dpi=120, format="png"))
