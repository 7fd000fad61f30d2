"""A run that learns FER+'s votes: their shares, not the favourite alone."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from ferplus_votes import write_votes
from torch import nn
from train_context import make_context

from fer_zoo.artifacts.artifact import read_config
from fer_zoo.artifacts.card import build_card
from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing
from fer_zoo.artifacts.hub import load
from fer_zoo.cli.main import main
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.ferplus import apply_label_source
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.errors import ArtifactError, DataError, UnknownNameError
from fer_zoo.evaluation.inference import predict_logits
from fer_zoo.evaluation.metrics import score_predictions
from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.training.checkpoint import Progress
from fer_zoo.training.context import TrainContext
from fer_zoo.training.epoch import train_epoch
from fer_zoo.training.trainer import fit

pytestmark = pytest.mark.usefixtures("small_network")

ONE_EPOCH = build_recipe({"epochs": 1, "batch_size": 32, "precision": "float32"})
PLAIN = {"batch_size": 14, "precision": "float32", "schedule": "constant", "weight_decay": 0.0}


@pytest.fixture(scope="module")
def small() -> FER2013:
    generator = np.random.default_rng(0)
    splits = [draw_faces(count, generator) for count in (32, 64, 64)]
    return FER2013(*splits, fingerprint="small", source="drawn")


def make_linear(settings: dict, pixels: torch.Tensor, labels: torch.Tensor) -> TrainContext:
    """One linear layer on the pixels."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 7))
    model, recipe = FaceClassifier(network, Preprocessing(48, 0.5, 0.5), "linear"), build_recipe(settings)
    return make_context(model, recipe, pixels, labels)


def test_the_shares_are_learned_and_not_the_favourite_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (14, 1, 48, 48), dtype=torch.uint8, generator=generator)
    shares = torch.eye(7).repeat(2, 1) * 0.75 + torch.eye(7).roll(1, 1).repeat(2, 1) * 0.25
    settings = {**PLAIN, "learning_rate": 3e-4, "augment": {"flip": 0.0}}
    context, progress = make_linear(settings, pixels, shares), Progress()
    results = [train_epoch(context, progress) for _ in range(80)]
    with torch.inference_mode():
        learned = context.model.eval()(pixels).softmax(1)
    torch.testing.assert_close(learned, shares, atol=0.05, rtol=0)
    assert results[-1][1] == 1.0
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert results[-1][0] == pytest.approx(entropy, abs=0.03)


@pytest.mark.parametrize(
    "settings", [{}, {"balanced_sampling": True}, {"augment": {"mixup": 0.2, "flip": 0.5}}]
)
def test_shares_of_one_opinion_teach_what_labels_teach(settings: dict) -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (56, 1, 48, 48), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 7, (56,), generator=generator)
    runs = []
    for given in (labels, torch.nn.functional.one_hot(labels, 7).float()):
        context = make_linear({**PLAIN, "label_smoothing": 0.1, **settings}, pixels, given)
        result = train_epoch(context, Progress())
        runs.append((torch.tensor(result), nn.utils.parameters_to_vector(context.model.parameters())))
    for one, other in zip(*runs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def train(dataset: FER2013, out: Path, labels: str = "fer2013", votes: Path | None = None, **options) -> None:
    """As the command does it."""
    learned = apply_label_source(dataset, labels, votes)
    fit(
        "small",
        learned.training,
        learned.public_test,
        ONE_EPOCH,
        out=out,
        show_progress=False,
        data=learned.info,
        score_on=dataset.public_test,
        **options,
    )


def test_a_run_says_which_labels_it_learned(small: FER2013, tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "votes.csv", small, second=2)
    kept = [line for line in votes.read_text().splitlines() if not line.startswith("PrivateTest")]
    votes.write_text("\n".join(kept))  # those of PrivateTest are not asked for
    out = tmp_path / "run"
    train(small, out, "ferplus", votes)
    block = read_config(out)["fer_zoo"]
    assert block["labels"] == "ferplus" and block["data_fingerprint"].startswith("small with votes ")
    assert block["metrics"]["public"]["confusion"] == measure_confusion(out, small.public_test)
    assert "--labels ferplus --seed 0 --ferplus-csv fer2013new.csv " in build_card(out)
    with pytest.raises(ArtifactError, match="data differ"):
        train(small, out, resume=True)


def test_a_run_learns_labels_and_votes_together(small: FER2013, tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "votes.csv", small, second=2)
    kept = [line for line in votes.read_text().splitlines() if line.startswith(("Training", "Usage"))]
    votes.write_text("\n".join(kept))  # those of PublicTest and PrivateTest are not asked for
    out = tmp_path / "run"
    train(small, out, "both", votes)
    block = read_config(out)["fer_zoo"]
    assert block["labels"] == "both" and block["data_fingerprint"].startswith("small with votes ")
    assert block["metrics"]["public"]["confusion"] == measure_confusion(out, small.public_test)
    card = build_card(out)
    assert "--labels both --seed 0 --ferplus-csv fer2013new.csv " in card
    words = " ".join(card.split())
    assert "by PublicTest accuracy;" in words and "half what FER+'s votes make likely" in words
    with pytest.raises(UnknownNameError, match="both, fer2013, ferplus"):
        apply_label_source(small, "raters", votes)
    with pytest.raises(DataError, match="go together"):
        apply_label_source(small, "both", None)


def measure_confusion(folder: Path, faces: Faces) -> list[list[int]]:
    """Against FER2013's own labels."""
    predicted = predict_logits(load(folder), faces.pixels).argmax(1).numpy()
    return score_predictions(np.eye(7)[predicted], faces.labels)["confusion"]


def test_votes_of_other_faces_start_no_run(small: FER2013, tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "votes.csv", small, shift=1)
    with pytest.raises(DataError, match="another order"):
        apply_label_source(small, "ferplus", votes)


@pytest.mark.parametrize(
    "options", [["--labels", "ferplus"], ["--labels", "both"], ["--ferplus-csv", "votes.csv"]]
)
def test_the_two_flags_go_together(options: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", "--arch", "cnn-baseline", *options])
    assert caught.value.code == 2 and "go together" in capsys.readouterr().err
