"""Injected issues are found, each with its reason, and PrivateTest is unchanged."""

import numpy as np
import pytest

from fer_zoo.data.audit import audit_faces, collect_faces, count_findings, find_disputed, list_left_out
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.quality import find_similar, group_similar

COUNTS = (30, 10, 10)  # faces of Training, PublicTest, PrivateTest
PUBLIC, PRIVATE = 30, 40  # their first rows in the collection


def draw_pictures(count: int) -> np.ndarray:
    """Independent random pictures (N, 48, 48): 144 gray squares each."""
    squares = np.random.default_rng(0).integers(40, 200, (count, 12, 12), dtype=np.uint8)
    return squares.repeat(4, axis=1).repeat(4, axis=2)


def make_dataset(pictures: np.ndarray, labels: np.ndarray) -> FER2013:
    parts = np.split(np.arange(sum(COUNTS)), np.cumsum(COUNTS)[:-1])
    splits = [Faces(pictures[part][:, None], labels[part].astype(np.int64)) for part in parts]
    return FER2013(*splits, fingerprint="random", source="random")


@pytest.fixture
def pictures() -> np.ndarray:
    return draw_pictures(sum(COUNTS))


@pytest.fixture
def labels() -> np.ndarray:
    return np.arange(sum(COUNTS)) % 7


def predict(labels: np.ndarray, confidence: float = 0.94) -> np.ndarray:
    """Probabilities (N, 7) of a model that gives each label `confidence`."""
    table = np.full((len(labels), 7), (1 - confidence) / 6)
    table[np.arange(len(labels)), labels] = confidence
    return table


def vote(labels: np.ndarray) -> np.ndarray:
    """FER+ votes (N, 10): all ten for the label."""
    return np.eye(10, dtype=np.int64)[labels] * 10


def summarize(findings) -> set[tuple[str, int, bool]]:
    return {(one.kind, one.row, one.left_out) for one in findings}


def test_a_clean_data_set_has_no_finding(pictures: np.ndarray, labels: np.ndarray) -> None:
    collection = collect_faces(make_dataset(pictures, labels))
    models = {"one": predict(labels), "two": predict(labels)}
    assert audit_faces(collection, probabilities=models, votes=vote(labels)) == []


def test_injected_duplicates_are_found(pictures: np.ndarray, labels: np.ndarray) -> None:
    pictures[3] = pictures[2]  # in Training
    pictures[PUBLIC + 1] = pictures[5] + 30  # brighter
    pictures[PRIVATE + 2] = pictures[7][:, ::-1]
    pictures[PRIVATE + 4] = np.roll(pictures[PUBLIC + 4] // 2 + 60, 0, axis=1)  # less contrast
    collection = collect_faces(make_dataset(pictures, labels))
    findings = audit_faces(collection)
    assert summarize(findings) == {
        ("exact", 2, False),
        ("exact", 3, True),
        ("near", 5, True),
        ("near", PUBLIC + 1, False),
        ("mirrored", 7, True),
        ("mirrored", PRIVATE + 2, False),
        ("near", PUBLIC + 4, True),
        ("near", PRIVATE + 4, False),
    }
    assert list(list_left_out(collection, findings)) == [3, 5, 7, PUBLIC + 4]
    mirrored = next(one for one in findings if one.row == 7)
    assert "the photo of PrivateTest 2" in mirrored.reason
    counts = count_findings(collection, findings)
    assert counts["near"] == {"Training": 1, "PublicTest": 2, "PrivateTest": 1}
    assert counts["left_out"] == {"Training": 3, "PublicTest": 1, "PrivateTest": 0}


def test_of_duplicates_the_one_with_the_confirmed_label_is_kept(
    pictures: np.ndarray, labels: np.ndarray
) -> None:
    pictures[9] = pictures[4]  # labels 4 and 2
    votes = vote(labels)
    votes[4] = votes[9]  # raters choose 2
    collection = collect_faces(make_dataset(pictures, labels))
    findings = audit_faces(collection, votes=votes)
    assert ("exact", 4, True) in summarize(findings)
    assert ("exact", 9, False) in summarize(findings)
    pictures[11] = pictures[4]  # label 4 too: without votes the majority of the group decides
    findings = audit_faces(collect_faces(make_dataset(pictures, labels)))
    assert summarize(findings) == {("exact", 4, False), ("exact", 9, True), ("exact", 11, True)}


def test_blank_and_faceless_pictures_are_found(pictures: np.ndarray, labels: np.ndarray) -> None:
    pictures[[1, PRIVATE]] = 200
    pictures[PRIVATE, 0, 0] = 203  # 3 gray levels of noise
    votes = vote(labels)
    votes[6] = [0, 0, 0, 0, 2, 0, 2, 0, 0, 6]
    votes[8] = [0, 0, 0, 0, 0, 0, 5, 0, 0, 5]  # half is not more than half
    collection = collect_faces(make_dataset(pictures, labels))
    findings = audit_faces(collection, votes=votes)
    assert summarize(findings) == {("blank", 1, True), ("blank", PRIVATE, True), ("no face", 6, True)}
    assert list(list_left_out(collection, findings)) == [1, 6]  # nothing of PrivateTest
    seen = np.zeros(len(labels), bool)  # the detector finds every face: raters reject badly framed ones too
    findings = audit_faces(collection, votes=votes, undetected=seen)
    assert ("no face", 6, False) in summarize(findings)


def test_without_votes_no_face_is_what_models_and_detector_miss(
    pictures: np.ndarray, labels: np.ndarray
) -> None:
    collection = collect_faces(make_dataset(pictures, labels))
    uncertain = predict(labels)
    uncertain[[4, 5]] = 1 / 7
    undetected = np.zeros(len(labels), bool)
    undetected[[5, 6]] = True
    found = audit_faces(collection, probabilities={"one": uncertain}, undetected=undetected)
    assert summarize(found) == {("no face", 5, True)}


def test_injected_wrong_labels_are_found(pictures: np.ndarray, labels: np.ndarray) -> None:
    given = labels.copy()
    wrong = np.array([12, PUBLIC + 3, PRIVATE + 5])
    given[wrong] = (labels[wrong] + 1) % 7
    memorized = labels.copy()
    memorized[12] = given[12]  # a model repeats the label that it was trained on
    models = {"one": predict(memorized), "two": predict(memorized)}
    collection = collect_faces(make_dataset(pictures, given))
    found = summarize(audit_faces(collection, probabilities=models, votes=vote(labels)))
    assert found == {("label", int(row), True) for row in wrong}
    # Models alone find only what they have not memorized.
    found = summarize(audit_faces(collection, probabilities=models))
    assert found == {("label", PUBLIC + 3, True), ("label", PRIVATE + 5, True)}
    # One of two models against the label of a test face is not enough.
    models["two"] = predict(given)
    found = summarize(audit_faces(collection, probabilities=models, votes=vote(labels)))
    assert found == {("label", 12, True)}


def test_a_label_with_one_vote_is_not_contradicted(pictures: np.ndarray, labels: np.ndarray) -> None:
    votes = vote(labels)
    votes[3] = [0, 0, 0, 1, 9, 0, 0, 0, 0, 0]  # label 3 has one
    assert audit_faces(collect_faces(make_dataset(pictures, labels)), votes=votes) == []


def test_a_disputed_face_needs_all_models_uncertain(pictures: np.ndarray, labels: np.ndarray) -> None:
    collection = collect_faces(make_dataset(pictures, labels))
    confident, uncertain = predict(labels), predict(labels, 0.2)
    assert find_disputed(collection, {"one": uncertain, "two": uncertain}, None).all()
    assert not find_disputed(collection, {"one": uncertain, "two": confident}, None).any()
    assert not find_disputed(collection, {}, None).any()


def test_groups_are_connected_components(pictures: np.ndarray) -> None:
    pictures[1], pictures[2] = pictures[0], pictures[0]
    pictures[4] = pictures[3]
    pixels = pictures[:6, None]
    steps: list[int] = []
    pairs = find_similar(pixels, progress=lambda done, total: steps.append(done))
    assert steps == [6]
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == {
        (0, 1),
        (0, 2),
        (1, 2),
        (3, 4),
    }
    assert pairs.correlation == pytest.approx(1, abs=1e-5)
    assert group_similar(pairs, 6).tolist() == [0, 0, 0, 1, 1, -1]


def test_pairs_are_found_across_chunks(monkeypatch: pytest.MonkeyPatch, pictures: np.ndarray) -> None:
    monkeypatch.setattr("fer_zoo.data.quality.CHUNK", 8)
    pictures[45] = pictures[2]
    pictures[47] = pictures[46][:, ::-1]
    pairs = find_similar(pictures[:, None])
    assert [
        (int(a), int(b), str(k)) for a, b, k in zip(pairs.first, pairs.second, pairs.kind, strict=True)
    ] == [(2, 45, "exact"), (46, 47, "mirrored")]
