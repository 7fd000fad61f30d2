"""Counts, blanks, repeats and conflicts, on synthetic faces with known issues and on the real data."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_zoo.data.fer2013 import FER2013, Faces, read_fer2013
from fer_zoo.data.plots import draw_grid, draw_histogram
from fer_zoo.data.quality import describe, find_similar, find_training_duplicates, format_description
from fer_zoo.emotions import COLORS


@pytest.fixture
def flawed() -> FER2013:
    """Six, four and three faces: two blanks, repeats within and across the splits, two conflicts."""
    noise = np.random.default_rng(0).integers(0, 256, (9, 1, 48, 48), dtype=np.uint8)
    blank, nearly_blank = np.full_like(noise[:1], 9), noise[:1] % 4
    training = np.concatenate([noise[:3], noise[:1], blank, nearly_blank])
    public = np.concatenate([noise[3:5], noise[1:2], noise[2:3]])
    private = np.concatenate([noise[5:7], noise[3:4]])
    return FER2013(
        Faces(training, np.array([0, 1, 2, 0, 3, 4])),
        Faces(public, np.array([5, 6, 1, 3])),
        Faces(private, np.array([0, 0, 6])),
        "0123456789abcdef",
        "synthetic",
    )


def test_description_counts_every_issue(flawed: FER2013) -> None:
    description = describe(flawed)
    splits = description["splits"]
    assert json.loads(json.dumps(description)) == description
    assert description["total"] == 13
    assert [part["count"] for part in splits.values()] == [6, 4, 3]
    assert list(splits["training"]["per_class"].values()) == [2, 1, 1, 1, 1, 0, 0]
    assert [part["blanks"] for part in splits.values()] == [2, 0, 0]
    assert [part["repeats"] for part in splits.values()] == [1, 0, 0]
    assert description["repeats_across"] == {
        "public_test in training": 2,
        "private_test in training": 0,
        "private_test in public_test": 1,
    }
    # noise[2] is 2 and 3; noise[3] is 5 and 6; noise[0] and noise[1] repeat with the same label.
    assert description["conflicts"] == {"groups": 2, "faces": 4}


def test_text_has_the_same_counts(flawed: FER2013) -> None:
    text = format_description(describe(flawed))
    assert "2 faces of public test (50.00%) are duplicated in training" in text
    assert "2 groups of duplicates (4 faces) have conflicting labels" in text
    assert ["blank", "2", "0", "0"] in [line.split() for line in text.splitlines()]
    assert "Note:" not in text


def test_splits_without_a_face_are_described(flawed: FER2013) -> None:
    nothing = flawed.training.select(np.zeros(0, np.int64))
    described = describe(FER2013(nothing, nothing, flawed.private_test, "", "held-out faces"))
    assert [part["count"] for part in described["splits"].values()] == [0, 0, 3]
    assert not len(find_similar(nothing.pixels).first)


def test_duplicates_of_training(flawed: FER2013) -> None:
    assert find_training_duplicates(flawed, flawed.public_test).tolist() == [False, False, True, True]
    assert not find_training_duplicates(flawed, flawed.private_test).any()


def test_plots_show_the_colors_and_the_faces(flawed: FER2013, tmp_path: Path) -> None:
    draw_histogram(flawed, tmp_path / "histogram.png")
    with Image.open(tmp_path / "histogram.png") as picture:
        seen = {color for _, color in picture.convert("RGB").getcolors(1 << 20) or []}
    expected = {tuple(bytes.fromhex(color[1:])) for color in COLORS.values()}
    assert expected <= seen
    grids = [tmp_path / f"{name}.png" for name in ("first", "again", "other")]
    for path, seed in zip(grids, (1, 1, 2), strict=True):
        draw_grid(flawed, "train", path, rows=2, columns=4, generator=np.random.default_rng(seed))
    first, again, other = (np.asarray(Image.open(path)) for path in grids)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.slow
def test_real_data_has_its_known_issues(real_data: str) -> None:
    dataset = read_fer2013(real_data)
    description = describe(dataset)
    splits = description["splits"]
    assert [list(part["per_class"].values()) for part in splits.values()] == [
        [3995, 436, 4097, 7215, 4830, 3171, 4965],
        [467, 56, 496, 895, 653, 415, 607],
        [491, 55, 528, 879, 594, 416, 626],
    ]
    assert sum(part["blanks"] for part in splits.values()) == 13
    assert description["repeats_across"]["public_test in training"] == 280
    assert description["repeats_across"]["private_test in training"] == 288
    assert description["conflicts"] == {"groups": 57, "faces": 160}
    assert find_training_duplicates(dataset, dataset.private_test).sum() == 288
