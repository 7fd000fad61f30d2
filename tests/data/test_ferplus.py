"""The ten votes of FER+ find their faces, and a file of other faces is refused."""

from pathlib import Path

import numpy as np
import pytest

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.ferplus import NO_MAJORITY, SEVEN, USAGES, find_majority, read_votes
from fer_zoo.errors import DataError
from fer_zoo.evaluation.report import agree_with_votes

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


@pytest.fixture
def faces() -> FER2013:
    generator = np.random.default_rng(0)
    splits = [
        Faces(np.zeros((count, 1, 48, 48), np.uint8), generator.integers(0, 7, count))
        for count in (30, 20, 20)
    ]
    return FER2013(*splits, "small", "drawn")


def write_votes(path: Path, dataset: FER2013, shift: int = 0) -> Path:
    """Eight of ten raters say what the label says, moved on by `shift` faces."""
    columns = HEADER.split(",")[2:]
    lines = [HEADER]
    for split, usage in USAGES.items():
        for label in np.roll(dataset.split(split).labels, shift):
            votes = dict.fromkeys(columns, 0) | {SEVEN[label]: 8, "unknown": 2}
            lines.append(",".join([usage, "x.png", *(str(votes[name]) for name in columns)]))
    path.write_text("\n".join(lines))
    return path


def test_votes_are_read_in_the_order_of_the_emotions(faces: FER2013, tmp_path) -> None:
    votes = read_votes(write_votes(tmp_path / "votes.csv", faces), faces)
    for split in USAGES:
        assert (find_majority(votes[split]) == faces.split(split).labels).all()
    assert votes["train"].sum(axis=1).tolist() == [10] * 30


def test_no_majority_for_a_tie_or_what_fer2013_has_no_word_for() -> None:
    votes = np.zeros((3, 10), dtype=int)
    votes[0, [0, 3]] = 5  # a tie
    votes[1, [3, 7]] = 4, 6  # contempt
    votes[2, [3, 7]] = 6, 4
    assert find_majority(votes).tolist() == [NO_MAJORITY, NO_MAJORITY, 3]


def test_agreement_counts_clear_faces_only() -> None:
    votes = np.zeros((3, 10), dtype=int)
    votes[[0, 1], [3, 4]] = 10
    votes[2, [0, 1]] = 5
    result = agree_with_votes(np.eye(7)[[3, 3, 0]], np.array([3, 4, 0]), votes)
    assert result == {"n": 2, "agreement": 0.5, "labels_agreement": 1.0}


def test_votes_of_other_faces_are_refused(faces: FER2013, tmp_path) -> None:
    with pytest.raises(DataError, match="another order"):
        read_votes(write_votes(tmp_path / "votes.csv", faces, shift=1), faces)
    fewer = Faces(faces.training.pixels[:5], faces.training.labels[:5])
    short = FER2013(fewer, faces.public_test, faces.private_test, "x", "drawn")
    with pytest.raises(DataError, match="30 for the 5"):
        read_votes(write_votes(tmp_path / "votes.csv", faces), short)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"fer2013new\.csv"):
        read_votes(tmp_path / "other.csv", faces)
