"""Predictions for Training are by models that have not seen the face's label, and finished folds are kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_zoo.artifacts.hub import load
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.label_suspects import find_suspects
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.errors import FerZooError
from fer_zoo.experiments import out_of_fold
from fer_zoo.experiments.out_of_fold import LinearHead, TrainedNetwork, assign_folds, predict_out_of_fold


@pytest.fixture(scope="module")
def flipped() -> tuple[FER2013, np.ndarray]:
    """Drawn faces; the labels of 20 in Training are wrong. Two pairs show the same photo."""
    generator = np.random.default_rng(3)
    training, public = draw_faces(350, generator), draw_faces(35, generator)
    training.pixels[[1, 3]] = training.pixels[[0, 2]]
    wrong = np.arange(100, 300, 10)
    labels = training.labels.copy()
    labels[[1, 3]] = labels[[0, 2]]
    labels[wrong] = (labels[wrong] + 3) % 7
    data = FER2013(Faces(training.pixels, labels), public, public, fingerprint="drawn", source="drawn")
    return data, wrong


def test_faces_of_one_photo_share_a_fold(flipped) -> None:
    dataset, _ = flipped
    fold_of = assign_folds(dataset.training, 5, seed=0)
    assert fold_of[0] == fold_of[1] and fold_of[2] == fold_of[3]
    assert np.bincount(fold_of).min() > 60
    for label in range(7):  # classes in equal shares
        counts = np.bincount(fold_of[dataset.training.labels == label], minlength=5)
        assert counts.max() - counts.min() <= 3
    np.testing.assert_array_equal(fold_of, assign_folds(dataset.training, 5, seed=0))
    assert (fold_of != assign_folds(dataset.training, 5, seed=1)).any()
    with pytest.raises(FerZooError, match="allowed are 2 to 20"):
        assign_folds(dataset.training, 21, seed=0)
    one = dataset.training.select(dataset.training.labels == 0)
    with pytest.raises(FerZooError, match="of one class"):
        assign_folds(one, 5, seed=0)


@pytest.mark.filterwarnings("error:The least populated class")
def test_folds_that_leave_one_class_or_no_photo_are_one_line(flipped) -> None:
    pixels = flipped[0].training.pixels
    single = Faces(pixels[4:24], np.array([1] + [0] * 19), classes=("calm", "tense"))
    copies = Faces(pixels[[30] * 8 + list(range(4, 24))], np.array([1] * 8 + [0] * 20), single.classes)
    for faces in (single, copies):
        for folds in (2, 5):
            with pytest.raises(FerZooError, match="all Training faces are of calm") as caught:
                assign_folds(faces, folds, seed=0)
            assert "\n" not in str(caught.value)
    few = Faces(pixels[[4, 5, 6, 7] * 5], np.array([0, 0, 1, 1] * 5), single.classes)
    with pytest.raises(FerZooError, match="5 folds; the Training faces show 4 different photos"):
        assign_folds(few, 5, seed=0)


def test_wrong_labels_are_found_by_a_linear_head(flipped, tmp_path: Path, monkeypatch) -> None:
    dataset, wrong = flipped
    learn = LinearHead([load("cnn-baseline")])
    steps: list[tuple[int, int]] = []
    table = predict_out_of_fold(dataset, tmp_path, learn, folds=3, progress=lambda *step: steps.append(step))
    assert table.shape == (350, 7) and steps == [(1, 3), (2, 3), (3, 3)]
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-5)
    first = [suspect.row for suspect in find_suspects(dataset.training.labels, table.astype(np.float64))[:20]]
    assert len(set(first) & set(wrong.tolist())) >= 10  # 1 by chance
    learned: list[Path] = []
    predict = LinearHead.predict
    monkeypatch.setattr(
        LinearHead, "predict", lambda self, *given: learned.append(given[3]) or predict(self, *given)
    )
    np.testing.assert_array_equal(predict_out_of_fold(dataset, tmp_path, learn, folds=3), table)
    assert not learned
    (tmp_path / "fold-1.safetensors").write_bytes(b"damaged")
    np.testing.assert_array_equal(predict_out_of_fold(dataset, tmp_path, learn, folds=3), table)
    assert [path.name for path in learned] == ["fold-1"]
    predict_out_of_fold(replace(dataset, fingerprint="other"), tmp_path, learn, folds=3)
    assert len(learned) == 4  # of other data nothing is taken


def test_labels_of_the_predicted_faces_are_not_seen(flipped, tmp_path: Path) -> None:
    dataset, _ = flipped
    learn = LinearHead([load("cnn-baseline")])
    learned, asked = np.arange(200), np.arange(200, 350)
    labels = dataset.training.labels.copy()
    labels[asked] = 0
    changed = replace(dataset, training=Faces(dataset.training.pixels, labels))
    tables = [learn.predict(data, learned, asked, tmp_path / "fold-0", 0) for data in (dataset, changed)]
    np.testing.assert_array_equal(*tables)


def test_a_network_is_trained_for_each_fold(flipped, small_network: None, tmp_path: Path) -> None:
    dataset, _ = flipped
    learn = TrainedNetwork("small", ["epochs=1", "batch_size=32"], device="cpu")
    table = predict_out_of_fold(dataset, tmp_path, learn, folds=2)
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-4)
    for fold in (0, 1):
        assert (tmp_path / f"fold-{fold}" / "model.safetensors").is_file()
    assert out_of_fold.compute_once(tmp_path / "fold-0.safetensors", {}, lambda: table[:1]).shape == (1, 7)
