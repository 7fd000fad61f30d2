"""What is wrong with single faces of FER2013, and which of them training is better without.

The rules are few, and every finding says its reason. A face is left out of training (never of PrivateTest)
- when it is blank, or shows no face: more than half of the FER+ raters say so, or without their votes no
  model is sure of anything, and the face detector finds nothing either (raters also said so of half-covered,
  turned or badly framed faces: those are listed and stay);
- when it shows the photo of another face, to the pixel, nearly, or mirrored, and is not the one that stays:
  of a group with a PrivateTest face none stays elsewhere, so that the test is new to the model; of a group
  with a PublicTest face none in Training; of the others the one whose label the raters, or else most of the
  group, confirm;
- when its label is contradicted: no rater gave it, seven or more of ten agree on another emotion, and two
  models (or the only one) answer that too. Models have learned the Training labels, so for Training rows the
  raters alone decide. Without votes: two models or more give one other emotion 90 % each, which a model
  trained on the row rarely does: memorized wrong labels are then missed.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.ferplus import NO_MAJORITY, OTHERS, VOTE_COLUMNS, majority_labels
from fer_zoo.data.labels_and_splits import PRIVATE, PUBLIC, TRAINING, USAGES
from fer_zoo.data.near_duplicates import EXACT, MIRRORED, NEAR, find_similar, group_similar
from fer_zoo.data.quality import find_blanks
from fer_zoo.emotions import EMOTIONS

MAX_OF_TEN = 5  # votes: more than this of ten say that there is no face
CLEAR_VOTES = 7  # of ten, for another emotion than the label
SURE = 0.9  # probability of another emotion, where there are no votes
DOUBT = 0.35  # no emotion has more: 2.5 times what seven equal ones have
BLANK, NO_FACE, LABEL = "blank", "no face", "label"
KINDS = (BLANK, NO_FACE, EXACT, NEAR, MIRRORED, LABEL)


class Finding(NamedTuple):
    """place: in `Collection`. group: of the faces that show one photo, -1 for none. left_out: of training."""

    kind: str
    place: int
    reason: str
    group: int = -1
    left_out: bool = False


@dataclass(frozen=True)
class Collection:
    """All splits in one row: Training, PublicTest, PrivateTest. `split` (N,) holds codes of USAGES, `index`
    (N,) the place in the split.
    """

    faces: Faces
    split: NDArray[np.int64]
    index: NDArray[np.int64]

    def name(self, place: int) -> str:
        return f"{USAGES[self.split[place]]} {self.index[place]}"

    def label(self, place: int) -> str:
        return EMOTIONS[self.faces.labels[place]]


def collect_faces(dataset: FER2013) -> Collection:
    """An image folder has one test split, which then is PrivateTest alone."""
    splits = {TRAINING: dataset.training, PUBLIC: dataset.public_test, PRIVATE: dataset.private_test}
    if dataset.public_test is dataset.private_test:
        del splits[PUBLIC]
    parts = list(splits.values())
    faces = Faces(
        np.concatenate([part.pixels for part in parts]), np.concatenate([part.labels for part in parts])
    )
    split = np.concatenate([np.full(len(part), code) for code, part in splits.items()])
    return Collection(faces, split, np.concatenate([np.arange(len(part)) for part in parts]))


def find_disputed(
    collection: Collection,
    probabilities: Mapping[str, NDArray[np.float64]],
    votes: NDArray[np.int64] | None,
) -> NDArray[np.bool_]:
    """(N,): which pictures may show no face, blank ones aside: more than half of the raters see none. Without
    votes: no model gives any emotion more than DOUBT.
    """
    doubtful = ~find_blanks(collection.faces.pixels)
    if votes is not None:
        return doubtful & (_count_no_face(votes) > MAX_OF_TEN)
    doubtful &= bool(probabilities)
    for table in probabilities.values():
        doubtful &= table.max(axis=1) < DOUBT
    return doubtful


def audit_faces(
    collection: Collection,
    *,
    probabilities: Mapping[str, NDArray[np.float64]] | None = None,
    votes: NDArray[np.int64] | None = None,
    undetected: NDArray[np.bool_] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> list[Finding]:
    """All findings, by kind in KINDS order, then by place.

    probabilities: (N, 7) of each model by name. votes: of the FER+ raters (N, 10). undetected: which of the
    faces of `find_disputed` (N,) the face detector does not find; without it, all. progress: (faces compared,
    in all).
    """
    blank = find_blanks(collection.faces.pixels)
    return [
        *(
            Finding(BLANK, place, "all pixels within 8 gray levels", left_out=True)
            for place in np.flatnonzero(blank).tolist()
        ),
        *_find_no_faces(collection, probabilities or {}, votes, undetected),
        *_find_duplicates(collection, blank, votes, progress),
        *_find_wrong_labels(collection, probabilities or {}, votes),
    ]


def list_left_out(collection: Collection, findings: list[Finding]) -> dict[int, list[str]]:
    """Places that training is better without, in order, each with its kinds; none of PrivateTest."""
    reasons: dict[int, list[str]] = {}
    for finding in findings:
        if finding.left_out and collection.split[finding.place] != PRIVATE:
            reasons.setdefault(finding.place, []).append(finding.kind)
    return dict(sorted(reasons.items()))


def count_findings(collection: Collection, findings: list[Finding]) -> dict[str, dict[str, int]]:
    """Number of findings of each kind in each split; `left_out` counts faces, whatever was found."""
    counts = {kind: dict.fromkeys(USAGES, 0) for kind in KINDS}
    for finding in findings:
        counts[finding.kind][USAGES[collection.split[finding.place]]] += 1
    left_out = Counter(USAGES[collection.split[place]] for place in list_left_out(collection, findings))
    return {**counts, "left_out": {usage: left_out[usage] for usage in USAGES}}


def _find_no_faces(
    collection: Collection,
    probabilities: Mapping[str, NDArray[np.float64]],
    votes: NDArray[np.int64] | None,
    undetected: NDArray[np.bool_] | None,
) -> list[Finding]:
    findings = []
    for place in np.flatnonzero(find_disputed(collection, probabilities, votes)).tolist():
        lost = undetected is None or bool(undetected[place])
        if votes is not None:
            reason = f"{_count_no_face(votes)[place]} of 10 FER+ raters see no face"
            reason += "" if lost else ", the face detector does"
            findings.append(Finding(NO_FACE, place, reason, left_out=lost))
        elif lost:
            reason = "no model is sure of anything, and the face detector finds nothing"
            findings.append(Finding(NO_FACE, place, reason, left_out=True))
    return findings


def _count_no_face(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    return votes[:, len(VOTE_COLUMNS) + OTHERS.index("NF")]


def _find_duplicates(
    collection: Collection,
    blank: NDArray[np.bool_],
    votes: NDArray[np.int64] | None,
    progress: Callable[[int, int], object] | None,
) -> list[Finding]:
    used = np.flatnonzero(~blank)
    pairs = find_similar(collection.faces.pixels[used], progress=progress)
    group = group_similar(pairs, len(used))
    # A face is of the closest kind that joins it to another; its reason names that other.
    closest: dict[int, tuple[int, float, int]] = {}
    order = {EXACT: 0, NEAR: 1, MIRRORED: 2}
    for one, other, correlation, kind in zip(*pairs, strict=True):
        for face, twin in ((one, other), (other, one)):
            link = (order[kind], -float(correlation), int(twin))
            closest[int(face)] = min(closest.get(int(face), link), link)
    stays = _choose_staying(collection, used, group, votes)
    kinds = (EXACT, NEAR, MIRRORED)
    findings = [
        Finding(
            kinds[rank],
            int(used[face]),
            _describe_twin(collection, int(used[face]), int(used[twin]), -correlation),
            group=int(group[face]),
            left_out=face not in stays,
        )
        for face, (rank, correlation, twin) in closest.items()
    ]
    return sorted(findings, key=lambda finding: (kinds.index(finding.kind), finding.place))


def _describe_twin(collection: Collection, place: int, twin: int, correlation: float) -> str:
    label, other = collection.label(place), collection.label(twin)
    labels = f"both {label}" if label == other else f"{label} here, {other} there"
    return f"the photo of {collection.name(twin)}, correlation {correlation:.3f}, {labels}"


def _choose_staying(
    collection: Collection,
    used: NDArray[np.int64],
    group: NDArray[np.int64],
    votes: NDArray[np.int64] | None,
) -> set[int]:
    """Faces, as places in `used`, that stay: of each group all of PrivateTest, or else one."""
    members: dict[int, list[int]] = {}
    for face in np.flatnonzero(group >= 0).tolist():
        members.setdefault(int(group[face]), []).append(face)
    majority = None if votes is None else majority_labels(votes)
    stays: set[int] = set()
    for faces in members.values():
        last = max(collection.split[used[face]] for face in faces)
        late = [face for face in faces if collection.split[used[face]] == last]
        stays.update(late if last == PRIVATE else [_choose_best(collection, used, faces, late, majority)])
    return stays


def _choose_best(
    collection: Collection,
    used: NDArray[np.int64],
    faces: list[int],
    candidates: list[int],
    majority: NDArray[np.int64] | None,
) -> int:
    labels = collection.faces.labels
    usual = Counter(labels[used[face]] for face in faces)

    def rank(face: int) -> tuple[bool, int, int]:
        confirmed = majority is not None and majority[used[face]] == labels[used[face]]
        return (not confirmed, -usual[labels[used[face]]], face)

    return min(candidates, key=rank)


def _find_wrong_labels(
    collection: Collection,
    probabilities: Mapping[str, NDArray[np.float64]],
    votes: NDArray[np.int64] | None,
) -> list[Finding]:
    if votes is None:
        return _find_labels_against_models(collection, probabilities)
    labels, rows = collection.faces.labels, np.arange(len(votes))
    majority, top = majority_labels(votes), votes.max(axis=1)
    agreeing = np.zeros(len(votes), dtype=int)
    for table in probabilities.values():
        agreeing += table.argmax(axis=1) == majority
    enough = (agreeing >= min(2, max(1, len(probabilities)))) | (collection.split == TRAINING)
    contradicted = (majority != NO_MAJORITY) & (votes[rows, labels] == 0) & (top >= CLEAR_VOTES) & enough
    return [
        Finding(
            LABEL,
            place,
            f"labeled {collection.label(place)}; {top[place]} of 10 raters"
            + (f" and {agreeing[place]} of {len(probabilities)} models" if probabilities else "")
            + f" say {EMOTIONS[majority[place]]}",
            left_out=True,
        )
        for place in np.flatnonzero(contradicted).tolist()
    ]


def _find_labels_against_models(
    collection: Collection, probabilities: Mapping[str, NDArray[np.float64]]
) -> list[Finding]:
    if len(probabilities) < 2:
        return []
    tables = np.stack(list(probabilities.values()))
    answers, sure = tables.argmax(axis=2), (tables.max(axis=2) >= SURE).all(axis=0)
    same = (answers == answers[0]).all(axis=0)
    return [
        Finding(
            LABEL,
            place,
            f"labeled {collection.label(place)}; {len(tables)} models give {EMOTIONS[answers[0, place]]} "
            f"{tables[:, place].max(axis=1).min():.0%} or more",
            left_out=True,
        )
        for place in np.flatnonzero(same & sure & (answers[0] != collection.faces.labels)).tolist()
    ]
