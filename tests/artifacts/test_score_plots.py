"""Pictures: PNG files of the promised width, for usual and odd results, with no global matplotlib state."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fer_zoo.artifacts.score_plots import draw_confusion, draw_curves, draw_reliability
from fer_zoo.errors import FerZooError
from fer_zoo.evaluation.metrics import score_predictions

HEADER = "epoch,train_loss,train_accuracy,public_loss,public_accuracy,learning_rate,images_per_s,seconds"
ROWS = [
    "1,1.8,0.3,1.6,0.42,0.001,740,39",
    "2,1.6,0.4,1.3,0.55,0.002,745,38",
    "3,1.5,0.45,1.4,0.5,0.001,742,39",
]


def test_a_batch_that_grew_is_drawn_and_one_that_did_not_is_not(tmp_path: Path) -> None:
    pictures = []
    for name, sizes in (("old", None), ("same", (64, 64, 64)), ("grew", (64, 128, 256))):
        columns = [""] * 3 if sizes is None else [f",{size}" for size in sizes]
        lines = [HEADER + (",batch_size" if sizes else ""), *map("".join, zip(ROWS, columns, strict=True))]
        (tmp_path / "history.csv").write_text("\n".join(lines))
        draw_curves(tmp_path / "history.csv", tmp_path / f"{name}.png")
        pictures.append(read_picture(tmp_path / f"{name}.png"))
    assert np.array_equal(pictures[0], pictures[1]) and not np.array_equal(pictures[1], pictures[2])


@pytest.fixture
def predictions() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (300, 7) and labels without disgust."""
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.full(7, 0.4), size=300)
    labels = np.where(generator.random(300) < 0.6, probabilities.argmax(axis=1), 3)
    return probabilities, np.where(labels == 1, 0, labels)


def read_picture(path: Path) -> np.ndarray:
    """Gray levels (height, 800); the picture has a light background and something on it."""
    with Image.open(path) as picture:
        assert picture.format == "PNG" and picture.width == 800
        gray = np.asarray(picture.convert("L"))
    assert gray[:5].min() == 255 and 0.01 < (gray < 250).mean() < 0.9
    return gray


def evaluation_of(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    return dict(score_predictions(probabilities, labels, name="m", split="private"))


def test_confusion_shows_the_diagonal_of_a_better_model_darker(
    predictions: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    probabilities, labels = predictions
    draw_confusion(evaluation_of(probabilities, labels), tmp_path / "usual.png")
    draw_confusion(evaluation_of(np.eye(7)[labels], labels), tmp_path / "perfect.png")
    cell = (slice(75, 85), slice(120, 200))  # above the numbers of angry taken for angry
    usual, perfect = (
        np.median(read_picture(tmp_path / f"{name}.png")[cell]) for name in ("usual", "perfect")
    )
    assert perfect < usual - 10


def test_reliability_of_usual_and_certain_predictions(
    predictions: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    probabilities, labels = predictions
    draw_reliability(evaluation_of(probabilities, labels), tmp_path / "usual.png")
    certain = evaluation_of(np.eye(7)[labels], labels)  # 14 empty bins
    draw_reliability(certain, str(tmp_path / "certain.png"))
    assert (read_picture(tmp_path / "usual.png") < 250).sum() > (
        read_picture(tmp_path / "certain.png") < 250
    ).sum()


@pytest.mark.parametrize("epochs", [1, 3])
def test_curves(tmp_path: Path, epochs: int) -> None:
    (tmp_path / "history.csv").write_text("\n".join([HEADER, *ROWS[:epochs]]) + "\n")
    draw_curves(tmp_path / "history.csv", tmp_path / "curves.png")
    read_picture(tmp_path / "curves.png")


def test_curves_mark_the_best_epoch(tmp_path: Path) -> None:
    """The same epochs in another order put the dotted line elsewhere: best in the middle, then at the end."""
    heights = []
    for order in ((0, 1, 2), (0, 2, 1)):
        rows = [f"{place + 1},{ROWS[row].split(',', 1)[1]}" for place, row in enumerate(order)]
        (tmp_path / "history.csv").write_text("\n".join([HEADER, *rows]) + "\n")
        draw_curves(tmp_path / "history.csv", tmp_path / "curves.png")
        middle = read_picture(tmp_path / "curves.png")[:, 440:480]
        heights.append((middle < 120).sum(axis=0).max())
    assert heights[0] > heights[1] + 100


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is not a run's history.csv"),
        (HEADER, "has no epoch"),
        ("epoch,loss\n1,2\n", "is not a run's history.csv"),
        (f"{HEADER}\n1,much,0,0,0,0,0,0\n", "is not a run's history.csv"),
        (f"{HEADER}\n1,1.8\n", "is not a run's history.csv"),
    ],
)
def test_a_wrong_history_is_explained(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "history.csv").write_text(content)
    with pytest.raises(FerZooError, match=words) as error:
        draw_curves(tmp_path / "history.csv", tmp_path / "curves.png")
    assert "\n" not in str(error.value) and not (tmp_path / "curves.png").exists()


def test_no_global_state_is_touched(tmp_path: Path) -> None:
    """Drawing works without a display, and leaves pyplot, which keeps figures alive, unimported."""
    (tmp_path / "history.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    script = (
        "import sys; from fer_zoo.artifacts.score_plots import draw_curves; "
        "assert 'matplotlib' not in sys.modules; draw_curves(*sys.argv[1:]); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", script, tmp_path / "history.csv", tmp_path / "curves.png"],
        check=True,
        timeout=120,
    )
