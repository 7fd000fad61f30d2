"""Issues of single faces of FER2013, and which faces to exclude from training.

Every finding has a reason. A face is excluded from training (never from PrivateTest)
- if it is blank, or shows no face: more than half of the FER+ raters vote so, or without votes no model is
  confident, and the face detector finds nothing either (raters also voted so for occluded, turned or badly
  framed faces: those are listed but not excluded);
- if it shows the same photo as another face (exact, near or mirrored duplicate) and is not the one to keep:
  of a group with PrivateTest faces, none elsewhere, so that the test is new to the model; of a group with
  PublicTest faces, none in Training; of any other group, the one whose label the raters, or else most of the
  group, confirm;
- if its label is contradicted: no rater chose it, seven or more of ten agree on another emotion, and two
  models (or the only one) predict that too. Models have learned the Training labels, so for Training the
  raters alone decide. Without votes, two or more models must predict the same other emotion with a
  probability of 90 % each, which a model rarely does for a face it was trained on: memorized wrong labels are
  missed then.
A Training label that cross-validated predictions contradict is listed as suspect, and not excluded: a person
looks at it first.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_zoo.data.fer2013 import FER2013, Faces, concatenate
from fer_zoo.data.ferplus import NO_MAJORITY, OTHERS, VOTE_COLUMNS, majority_labels
from fer_zoo.data.label_suspects import Suspect
from fer_zoo.data.labels_and_splits import PRIVATE, PUBLIC, TRAINING, USAGES
from fer_zoo.data.quality import EXACT, MIRRORED, NEAR, find_blanks, find_similar, group_similar
from fer_zoo.emotions import EMOTIONS

MAX_NO_FACE_VOTES = 5  # of ten; more mean that there is no face
MIN_VOTES = 7  # of ten, for another emotion than the label
MIN_CONFIDENCE = 0.9  # of another emotion, without votes
MAX_UNCERTAIN = 0.35  # highest probability of an uncertain prediction: 2.5 times that of a uniform one
BLANK, NO_FACE, LABEL, SUSPECT = "blank", "no face", "label", "suspect"
Predictions = Mapping[str, NDArray[np.float64]]  # (N, 7), by model
Votes = NDArray[np.int64]  # (N, 10), of the FER+ raters
KINDS = (BLANK, NO_FACE, EXACT, NEAR, MIRRORED, LABEL, SUSPECT)


class Finding(NamedTuple):
    """An issue of one face."""

    kind: str  # one of KINDS
    row: int  # in a Collection
    reason: str
    group: int = -1  # of the faces that show the same photo; -1 for none
    left_out: bool = False  # excluded from training


@dataclass(frozen=True)
class Collection:
    """All splits concatenated: Training, PublicTest, PrivateTest."""

    faces: Faces
    split: NDArray[np.int64]  # (N,), codes of USAGES
    index: NDArray[np.int64]  # (N,), index in the split

    def name(self, row: int) -> str:
        return f"{USAGES[self.split[row]]} {self.index[row]}"

    def label(self, row: int) -> str:
        return self.faces.classes[self.faces.labels[row]]


def collect_faces(dataset: FER2013) -> Collection:
    """Concatenate the splits. The only test split of an image folder becomes PrivateTest."""
    splits = {TRAINING: dataset.training, PUBLIC: dataset.public_test, PRIVATE: dataset.private_test}
    if dataset.public_test is dataset.private_test:
        del splits[PUBLIC]
    parts = list(splits.values())
    split = np.concatenate([np.full(len(part), code) for code, part in splits.items()])
    return Collection(concatenate(parts), split, np.concatenate([np.arange(len(part)) for part in parts]))


def find_disputed(
    collection: Collection, probabilities: Predictions, votes: Votes | None
) -> NDArray[np.bool_]:
    """bool (N,): which non-blank pictures may show no face, by more than half of the raters; without votes,
    those for which no model gives any emotion more than MAX_UNCERTAIN.
    """
    disputed = ~find_blanks(collection.faces.pixels)
    if votes is not None:
        return disputed & (_count_no_face(votes) > MAX_NO_FACE_VOTES)
    disputed &= bool(probabilities)
    for table in probabilities.values():
        disputed &= table.max(axis=1) < MAX_UNCERTAIN
    return disputed


def audit_faces(
    collection: Collection,
    *,
    probabilities: Predictions | None = None,
    votes: Votes | None = None,
    undetected: NDArray[np.bool_] | None = None,
    suspects: Sequence[Suspect] = (),
    progress: Callable[[int, int], object] | None = None,
) -> list[Finding]:
    """List all findings, by kind in KINDS order, then by row; suspect labels as they are given.

    Args:
        collection: The faces.
        probabilities: (N, 7) of each model by name.
        votes: (N, 10) of the FER+ raters.
        undetected: bool (N,), which of `find_disputed`'s faces the face detector misses; by default all.
        suspects: of `find_suspects` on the Training labels, which come first in the collection.
        progress: Called with the numbers of compared faces and of all faces.
    """
    blank = find_blanks(collection.faces.pixels)
    blank_rows = np.flatnonzero(blank).tolist()
    return [
        *(Finding(BLANK, row, "all pixels within 8 gray levels", left_out=True) for row in blank_rows),
        *_find_no_faces(collection, probabilities or {}, votes, undetected),
        *_find_duplicates(collection, blank, votes, progress),
        *_find_wrong_labels(collection, probabilities or {}, votes),
        *(Finding(SUSPECT, suspect.row, _describe_suspect(collection, suspect)) for suspect in suspects),
    ]


def list_left_out(collection: Collection, findings: list[Finding]) -> dict[int, list[str]]:
    """Rows to exclude from training, in order, each with its kinds; none of PrivateTest."""
    reasons: dict[int, list[str]] = {}
    for finding in findings:
        if finding.left_out and collection.split[finding.row] != PRIVATE:
            reasons.setdefault(finding.row, []).append(finding.kind)
    return dict(sorted(reasons.items()))


def count_findings(collection: Collection, findings: list[Finding]) -> dict[str, dict[str, int]]:
    """Number of findings of each kind in each split; `left_out` counts the faces to exclude."""
    counts = {kind: dict.fromkeys(USAGES, 0) for kind in KINDS}
    for finding in findings:
        counts[finding.kind][USAGES[collection.split[finding.row]]] += 1
    left_out = Counter(USAGES[collection.split[row]] for row in list_left_out(collection, findings))
    return {**counts, "left_out": {usage: left_out[usage] for usage in USAGES}}


def _find_no_faces(
    collection: Collection,
    probabilities: Predictions,
    votes: Votes | None,
    undetected: NDArray[np.bool_] | None,
) -> list[Finding]:
    findings = []
    for row in np.flatnonzero(find_disputed(collection, probabilities, votes)).tolist():
        is_undetected = undetected is None or bool(undetected[row])
        if votes is not None:
            reason = f"{_count_no_face(votes)[row]} of 10 FER+ raters see no face"
            reason += "" if is_undetected else ", but the face detector finds one"
            findings.append(Finding(NO_FACE, row, reason, left_out=is_undetected))
        elif is_undetected:
            reason = "no model is confident, and the face detector finds nothing"
            findings.append(Finding(NO_FACE, row, reason, left_out=True))
    return findings


def _count_no_face(votes: Votes) -> NDArray[np.int64]:
    return votes[:, len(VOTE_COLUMNS) + OTHERS.index("NF")]


def _find_duplicates(
    collection: Collection,
    blank: NDArray[np.bool_],
    votes: Votes | None,
    progress: Callable[[int, int], object] | None,
) -> list[Finding]:
    rows = np.flatnonzero(~blank)
    pairs = find_similar(collection.faces.pixels[rows], progress=progress)
    group = group_similar(pairs, len(rows))
    # A face's finding is that of its closest pair.
    closest: dict[int, tuple[int, float, int]] = {}
    kinds = (EXACT, NEAR, MIRRORED)
    for one, other, correlation, kind in zip(*pairs, strict=True):
        for face, twin in ((one, other), (other, one)):
            link = (kinds.index(kind), -float(correlation), int(twin))
            closest[int(face)] = min(closest.get(int(face), link), link)
    kept = _choose_kept(collection, rows, group, votes)
    findings = [
        Finding(
            kinds[rank],
            int(rows[face]),
            _describe_twin(collection, int(rows[face]), int(rows[twin]), -correlation),
            group=int(group[face]),
            left_out=face not in kept,
        )
        for face, (rank, correlation, twin) in closest.items()
    ]
    return sorted(findings, key=lambda finding: (kinds.index(finding.kind), finding.row))


def _describe_twin(collection: Collection, row: int, twin: int, correlation: float) -> str:
    label, other = collection.label(row), collection.label(twin)
    labels = f"both labeled {label}" if label == other else f"labeled {label} here and {other} there"
    return f"the photo of {collection.name(twin)}, correlation {correlation:.3f}, {labels}"


def _choose_kept(
    collection: Collection, rows: NDArray[np.int64], group: NDArray[np.int64], votes: Votes | None
) -> set[int]:
    """Faces to keep, as indices of `rows`: from each group all of PrivateTest, or else one."""
    members: dict[int, list[int]] = {}
    for face in np.flatnonzero(group >= 0).tolist():
        members.setdefault(int(group[face]), []).append(face)
    majority = None if votes is None else majority_labels(votes)
    kept: set[int] = set()
    for faces in members.values():
        last = max(collection.split[rows[face]] for face in faces)
        candidates = [face for face in faces if collection.split[rows[face]] == last]
        if last != PRIVATE:
            candidates = [_choose_best(collection, rows, faces, candidates, majority)]
        kept.update(candidates)
    return kept


def _choose_best(
    collection: Collection,
    rows: NDArray[np.int64],
    faces: list[int],
    candidates: list[int],
    majority: NDArray[np.int64] | None,
) -> int:
    labels = collection.faces.labels
    frequency = Counter(labels[rows[face]] for face in faces)

    def rank(face: int) -> tuple[bool, int, int]:
        confirmed = majority is not None and majority[rows[face]] == labels[rows[face]]
        return (not confirmed, -frequency[labels[rows[face]]], face)

    return min(candidates, key=rank)


def _describe_suspect(collection: Collection, suspect: Suspect) -> str:
    return (
        f"labeled {collection.label(suspect.row)} ({suspect.label_probability:.0%}); without it, "
        f"{collection.faces.classes[suspect.suggested]} is predicted ({suspect.suggested_probability:.0%})"
    )


def _find_wrong_labels(
    collection: Collection, probabilities: Predictions, votes: Votes | None
) -> list[Finding]:
    if votes is None:
        return _find_labels_by_models(collection, probabilities)
    labels, all_rows = collection.faces.labels, np.arange(len(votes))
    majority, top = majority_labels(votes), votes.max(axis=1)
    agreeing = np.zeros(len(votes), dtype=int)
    for table in probabilities.values():
        agreeing += table.argmax(axis=1) == majority
    enough = (agreeing >= min(2, max(1, len(probabilities)))) | (collection.split == TRAINING)
    contradicted = (majority != NO_MAJORITY) & (votes[all_rows, labels] == 0) & (top >= MIN_VOTES) & enough
    return [
        Finding(
            LABEL,
            row,
            f"labeled {collection.label(row)}; {top[row]} of 10 raters"
            + (f" and {agreeing[row]} of {len(probabilities)} models" if probabilities else "")
            + f" choose {EMOTIONS[majority[row]]}",
            left_out=True,
        )
        for row in np.flatnonzero(contradicted).tolist()
    ]


def _find_labels_by_models(collection: Collection, probabilities: Predictions) -> list[Finding]:
    if len(probabilities) < 2:
        return []
    classes = collection.faces.classes
    tables = np.stack(list(probabilities.values()))
    predicted, confident = tables.argmax(axis=2), (tables.max(axis=2) >= MIN_CONFIDENCE).all(axis=0)
    agree = (predicted == predicted[0]).all(axis=0)
    return [
        Finding(
            LABEL,
            row,
            f"labeled {collection.label(row)}; {len(tables)} models predict {classes[predicted[0, row]]} "
            f"with {tables[:, row].max(axis=1).min():.0%} or more",
            left_out=True,
        )
        for row in np.flatnonzero(agree & confident & (predicted[0] != collection.faces.labels)).tolist()
    ]
