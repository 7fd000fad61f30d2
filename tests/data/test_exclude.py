"""Excluding faces: exactly the listed ones, never of PrivateTest, and one line for every error."""

from pathlib import Path

import numpy as np
import pytest
from ferplus_votes import write_votes

from fer_zoo.data.exclude import exclude_faces
from fer_zoo.data.fer2013 import FER2013, read_fer2013
from fer_zoo.data.ferplus import use_ferplus_labels
from fer_zoo.errors import DataError


@pytest.fixture
def dataset(csv_file: Path) -> FER2013:
    return read_fer2013(csv_file)


def write(folder: Path, text: str) -> Path:
    path = folder / "exclude.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_exactly_the_listed_faces_are_excluded(dataset: FER2013, tmp_path: Path) -> None:
    text = "split,index,reason\nTraining,0,blank\nTraining,39,\ntraining,39,twice\nPublicTest,3,no face\n"
    rest = exclude_faces(dataset, write(tmp_path, text))
    assert np.array_equal(rest.training.pixels, dataset.training.pixels[1:39])
    assert np.array_equal(rest.training.labels, dataset.training.labels[1:39])
    assert np.array_equal(rest.public_test.labels, np.delete(dataset.public_test.labels, 3))
    assert rest.private_test is dataset.private_test
    assert rest.fingerprint != dataset.fingerprint and len(rest.fingerprint) == len(dataset.fingerprint)
    assert "2 of Training and 1 of PublicTest" in rest.note


def test_a_path_that_begins_at_home_is_read(
    dataset: FER2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in --exclude=~/exclude.csv, which a shell passes on as it is."""
    write(tmp_path, "split,index\nTraining,0\n")
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    rest = exclude_faces(dataset, "~/exclude.csv")
    assert len(rest.training) == 39 and rest.excluded == "exclude.csv"


def test_the_fingerprint_depends_on_the_faces(dataset: FER2013, tmp_path: Path) -> None:
    texts = ("Training,1\nTraining,2", "Training,2\nTraining,1", "Training,12", "PublicTest,1")
    prints = [exclude_faces(dataset, write(tmp_path, f"split,index\n{text}")).fingerprint for text in texts]
    assert prints[0] == prints[1] and len(set(prints)) == 3


def test_only_some_kinds_are_excluded(dataset: FER2013, tmp_path: Path) -> None:
    path = write(tmp_path, "split,index,why\nTraining,0,blank\nTraining,1,exact; label\nTraining,2,no face\n")
    for kinds, gone in (
        (("label",), [1]),
        (("blank", "exact"), [0, 1]),
        (("no face",), [2]),
        ((), [0, 1, 2]),
    ):
        rest = exclude_faces(dataset, path, kinds)
        assert np.array_equal(rest.training.pixels, np.delete(dataset.training.pixels, gone, axis=0))
    with pytest.raises(DataError, match="lists no face of the kinds face, near"):
        exclude_faces(dataset, path, ("near", "face"))


def test_the_votes_of_the_faces_that_remain_are_read(dataset: FER2013, tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "votes.csv", dataset)
    rest = exclude_faces(dataset, write(tmp_path, "split,index\nTraining,0\nTraining,7\nPublicTest,3\n"))
    rest = exclude_faces(rest, write(tmp_path, "split,index\nTraining,1\n"))  # index 2 at first
    labeled = use_ferplus_labels(rest, votes)
    assert np.array_equal(labeled.training.pixels, np.delete(dataset.training.pixels, [0, 2, 7], axis=0))
    assert np.array_equal(labeled.training.labels.argmax(1), rest.training.labels)
    assert np.array_equal(labeled.public_test.labels, rest.public_test.labels)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns split, index"),
        ("split,place\nTraining,1", "columns split, index"),
        ("split,index\n", "no face"),
        ("split,index\nPrivateTest,1", "line 2: split is 'PrivateTest'"),
        ("split,index\nTraining,1\ntest,1", "line 3: split is 'test'"),
        ("split,index\nTraining,40", "from 0 to 39"),
        ("split,index\nPublicTest,-1", "from 0 to 9"),
        ("split,index\nTraining,1.0", "'1.0'"),
        ("split,index\nTraining,\u0663", "whole number"),
        ("split,index\nTraining", "whole number"),
        ("split,index\nTraining," + "9" * 10000, "whole number"),
        ("split,index\n" + "\n".join(f"PublicTest,{index}" for index in range(10)), "leaves no face"),
    ],
)
def test_an_error_is_one_line(dataset: FER2013, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        exclude_faces(dataset, write(tmp_path, text))
    assert message in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_no_file_or_no_text_is_one_line(dataset: FER2013, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    for name in ("missing.csv", "picture.png"):
        with pytest.raises(DataError, match="cannot be read"):
            exclude_faces(dataset, tmp_path / name)
