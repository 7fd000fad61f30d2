"""FER+'s ten votes are matched to their faces, and a file for other faces is refused."""

import numpy as np
import pytest
from ferplus_votes import write_votes

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.ferplus import (
    CONTEMPT,
    NO_MAJORITY,
    majority_labels,
    mix_ferplus_labels,
    predict_label_probabilities,
    read_votes,
    soft_labels,
    use_ferplus_labels,
)
from fer_zoo.data.labels_and_splits import SPLIT_USAGES
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError
from fer_zoo.evaluation.raters import ferplus_agreement


@pytest.fixture
def faces() -> FER2013:
    generator = np.random.default_rng(0)
    splits = [
        Faces(np.zeros((count, 1, 48, 48), np.uint8), generator.integers(0, 7, count))
        for count in (30, 20, 20)
    ]
    return FER2013(*splits, "small", "drawn")


def test_votes_are_read_in_the_order_of_the_emotions(faces: FER2013, tmp_path) -> None:
    votes = read_votes(write_votes(tmp_path / "votes.csv", faces), faces)
    for split in SPLIT_USAGES:
        assert (majority_labels(votes[split]) == faces.split(split).labels).all()
    assert votes["train"].sum(axis=1).tolist() == [10] * 30


def test_a_majority_is_more_than_half_of_the_votes_without_single_ones() -> None:
    """As in FER+'s own ferplus.py: an outlier's vote neither wins nor counts in the sum."""
    votes = np.zeros((6, 10), dtype=int)
    votes[0, [0, 3]] = 5  # a tie
    votes[1, [3, 7]] = 4, 6  # contempt
    votes[2, [3, 7]] = 6, 4
    votes[3, [0, 3, 6]] = 3, 4, 3  # the most, but not half
    votes[4, [0, 1, 2, 3, 4]] = 1, 1, 1, 5, 2  # 5 of the 7 that are left
    votes[5, [3, 9]] = 2, 8  # not a face
    assert majority_labels(votes).tolist() == [NO_MAJORITY, NO_MAJORITY, 3, NO_MAJORITY, 3, NO_MAJORITY]
    assert majority_labels(votes, with_contempt=True).tolist()[:3] == [NO_MAJORITY, CONTEMPT, 3]


def test_agreement_is_over_faces_with_a_majority() -> None:
    votes = np.zeros((4, 10), dtype=int)
    votes[[0, 1], [3, 4]] = 10
    votes[2, [0, 1]] = 5
    votes[3, 7] = 10  # contempt: none of the seven is right
    result = ferplus_agreement(
        np.eye(7)[[3, 3, 0, 6]], np.array([3, 4, 0, 6]), votes, np.array([False, True, False, False])
    )
    low, high = result["agreement_ci95"]
    assert low < 1 / 3 < high
    expected = {
        "n": 3,
        "agreement": 1 / 3,
        "agreement_no_duplicates": 1 / 2,
        "macro_recall": 1 / 3,
        "macro_f1": pytest.approx(2 / 3 / 4),  # happy 2/3; sad, contempt and the predicted neutral 0
        "ece": pytest.approx(2 / 3),
        "labels_agreement": 2 / 3,
    }
    assert {key: result[key] for key in expected} == expected
    found = {name: (row["recall"], row["support"]) for name, row in result["per_class"].items()}
    assert found == dict.fromkeys(EMOTIONS, (0, 0)) | {"happy": (1, 1), "sad": (0, 1), "contempt": (0, 1)}
    assert {(label, answer) for label, answer in np.argwhere(result["confusion"])} == {(3, 3), (4, 3), (7, 6)}
    assert sum(result["reliability"]["count"]) == 3


def test_a_missing_file_is_reported(faces: FER2013, tmp_path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv': no such file\. FER\+'s fer2013new\.csv is in github"):
        read_votes(tmp_path / "gone.csv", faces)
    with pytest.raises(DataError, match="cannot be read \\(Is a directory\\)"):
        read_votes(tmp_path, faces)


def test_votes_of_other_faces_are_refused(faces: FER2013, tmp_path) -> None:
    with pytest.raises(DataError, match="another order"):
        read_votes(write_votes(tmp_path / "votes.csv", faces, shift=1), faces)
    fewer = Faces(faces.training.pixels[:5], faces.training.labels[:5])
    short = FER2013(fewer, faces.public_test, faces.private_test, "x", "drawn")
    with pytest.raises(DataError, match="30 for the 5"):
        read_votes(write_votes(tmp_path / "votes.csv", faces), short)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        DataError, match=r"is not FER\+'s fer2013new\.csv: it lacks the columns Usage, anger, "
    ):
        read_votes(tmp_path / "other.csv", faces)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Training,x.png,4,0,0,1,3", "row 3 .*: disgust is ''; votes are whole numbers"),
        ("Training,x.png,4,0,0,1,3,-2,0,0,0,0", "row 3 .*: disgust is '-2'"),
        ("Training,x.png,4,0,0,1,three,0,0,0,0,0", "row 3 .*: anger is 'three'"),
        ("\udcff", "it is no CSV in UTF-8"),
    ],
)
def test_a_damaged_row_of_votes_is_named(faces: FER2013, tmp_path, row: str, reason: str) -> None:
    path = write_votes(tmp_path / "votes.csv", faces)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:2], row, *lines[3:]]), encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=reason):
        read_votes(path, faces)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([0, 0, 0, 10, 0, 0, 0, 0, 0, 0], {3: 1.0}),
        ([6, 0, 3, 0, 0, 0, 1, 0, 0, 0], {0: 2 / 3, 2: 1 / 3}),  # one vote is noise
        ([0, 0, 0, 0, 4, 0, 2, 2, 2, 0], {4: 2 / 3, 6: 1 / 3}),  # over the seven emotions
        ([5, 0, 0, 0, 0, 0, 5, 0, 0, 0], {0: 0.5, 6: 0.5}),  # two opinions are a label too
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], None),  # no face
        ([0, 0, 0, 3, 0, 0, 0, 0, 7, 0], None),  # mostly unknown
        ([0, 0, 0, 4, 0, 0, 0, 6, 0, 0], None),  # contempt
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], None),  # only noise
    ],
)
def test_votes_become_soft_labels_or_exclude_the_face(
    votes: list[int], expected: dict[int, float] | None
) -> None:
    labeled, table = soft_labels(np.array([votes]))
    assert labeled.tolist() == [expected is not None]
    if expected is not None:
        assert table.dtype == np.float32
        np.testing.assert_allclose(table[0], [expected.get(label, 0) for label in range(7)], rtol=1e-6)


def test_training_and_public_test_get_the_labels_of_the_votes(faces: FER2013, tmp_path) -> None:
    path = write_votes(tmp_path / "votes.csv", faces, second=2)
    lines = path.read_text().splitlines()
    lines[1] = "Training,,0,0,0,0,0,0,0,0,0,10"  # no face
    lines[31] = "PublicTest,x.png,4,4,0,0,0,0,0,0,2,0"  # a tie
    path.write_text("\n".join(lines))
    relabeled = use_ferplus_labels(faces, path)
    assert relabeled.training.labels.shape == (29, 7) and len(relabeled.training.pixels) == 29
    own = faces.training.labels[1:]
    np.testing.assert_allclose(relabeled.training.labels[np.arange(29), own], 0.75)
    np.testing.assert_allclose(relabeled.training.labels[np.arange(29), (own + 1) % 7], 0.25)
    assert relabeled.public_test.labels.tolist() == faces.public_test.labels[1:].tolist()
    assert relabeled.private_test is faces.private_test
    assert relabeled.fingerprint != faces.fingerprint


def test_label_probabilities_are_the_label_frequencies_for_equal_votes() -> None:
    votes = np.zeros((600, 10), dtype=int)
    votes[:200, 3] = 10
    votes[200:400, [3, 6]] = 5  # two opinions
    votes[400:, 9] = 10  # not a face, by every rater
    labels = np.concatenate([np.repeat([3, 6], [180, 20]), np.repeat([3, 6], [60, 140]), np.full(200, 2)])
    expected = predict_label_probabilities(votes, labels)
    assert expected.dtype == np.float32
    np.testing.assert_allclose(expected.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(expected[0, [3, 6]], [0.9, 0.1], atol=0.02)
    np.testing.assert_allclose(expected[200, [3, 6]], [0.3, 0.7], atol=0.02)
    assert expected[400, 2] > 0.97


def test_mixed_labels_are_the_mean_of_label_and_votes(faces: FER2013, tmp_path) -> None:
    path = write_votes(tmp_path / "votes.csv", faces, second=2)
    relabeled = mix_ferplus_labels(faces, path)
    own = faces.training.labels
    expected = predict_label_probabilities(read_votes(path, faces)["train"], own)
    np.testing.assert_allclose(relabeled.training.labels, (np.eye(7)[own] + expected) / 2, atol=1e-6)
    assert relabeled.training.pixels is faces.training.pixels
    assert relabeled.public_test is faces.public_test and relabeled.private_test is faces.private_test
    assert relabeled.fingerprint.startswith("small with votes ")
