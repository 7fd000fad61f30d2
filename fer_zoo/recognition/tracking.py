"""Faces over the frames of a video: the same face keeps its number, and its answers are smoothed over time.

On frames of OpenCV, which are blue first:

    tracker = FaceTracker(Recognizer(["cnn-baseline"]))
    while True:
        _, frame = camera.read()
        for face in tracker.update(frame[:, :, ::-1]):
            print(face.number, face.box, face.answer("cnn-baseline"))
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fer_zoo.detection.detector import Face
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError
from fer_zoo.recognition.recognizer import Recognizer
from fer_zoo.utils.images import Photo

FRAME_SIDE = 320  # pixels: longest side of a frame in the detector
LEAST_OVERLAP = 0.2  # intersection over union of a face and of where a known one should be by now
VELOCITY_S = 0.15  # time constant of a face's velocity: the detector's boxes tremble by a few pixels


@dataclass(frozen=True)
class TrackedFace:
    """A face that the latest frame shows. number: from 1, the same in every frame. box: x, y, width, height
    in pixels of the frame. score: the detector's, 0-1. probabilities: for each model float (7,), smoothed, in
    EMOTIONS order.
    """

    number: int
    box: tuple[int, int, int, int]
    score: float
    probabilities: dict[str, np.ndarray]

    def answer(self, model: str) -> tuple[str, float]:
        """The most probable emotion by that model, and its probability."""
        top = int(self.probabilities[model].argmax())
        return EMOTIONS[top], float(self.probabilities[model][top])


@dataclass
class _Track:
    number: int
    outline: np.ndarray  # float (4,): x, y, width, height where it was last seen
    seconds: float  # when that was
    probabilities: dict[str, np.ndarray]
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))  # pixels a second

    def predict(self, seconds: float) -> np.ndarray:
        """The outline at that time, had the face gone on as it last moved."""
        moved = self.velocity * (seconds - self.seconds)
        return self.outline + np.concatenate([moved, np.zeros(2)])

    def see(
        self, outline: np.ndarray, seconds: float, seen: Mapping[str, np.ndarray], smoothing_s: float
    ) -> None:
        passed = seconds - self.seconds
        if passed > 0:
            centre, before = (one[:2] + one[2:] / 2 for one in (outline, self.outline))
            speed = (centre - before) / passed
            self.velocity += share_of_new(passed, VELOCITY_S) * (speed - self.velocity)
        share = share_of_new(passed, smoothing_s)
        for name, probabilities in seen.items():
            self.probabilities[name] += share * (probabilities - self.probabilities[name])
        self.outline, self.seconds = outline, seconds


class FaceTracker:
    """Follows faces from frame to frame.

    smoothing_s: time constant of the exponential smoothing, in seconds: so long after a change, 63 % of it
    shows in the answer, at any frame rate; 0 turns it off. patience_s: how long a face may be out of sight
    and keep its number. frame_side: longest side of the frame in the detector, in pixels; more finds smaller
    faces and takes longer. Not for use by several threads at once.

    faces_left_out: how many smaller faces of the latest frame were found but not read.
    """

    def __init__(
        self,
        recognizer: Recognizer | None = None,
        smoothing_s: float = 0.5,
        patience_s: float = 1.0,
        frame_side: int = FRAME_SIDE,
    ) -> None:
        if not (smoothing_s >= 0 and patience_s >= 0 and frame_side >= 32):
            raise FerZooError(
                f"smoothing_s={smoothing_s}, patience_s={patience_s}, frame_side={frame_side}; allowed are"
                " times from 0 seconds and sides from 32 pixels."
            )
        self.recognizer = recognizer or Recognizer()
        self.smoothing_s, self.patience_s, self.frame_side = smoothing_s, patience_s, frame_side
        self.faces_left_out = 0
        self._tracks: list[_Track] = []
        self._latest = 0  # number of the newest face

    def update(self, frame: Photo, seconds: float | None = None) -> list[TrackedFace]:
        """Find and read the faces of the next frame; those in sight, by their number.

        frame: uint8 (H, W, 3) RGB, an encoded picture, a Pillow image or a path. seconds: when it was taken,
        on any clock that runs forward; None is now. Raises ImageError for a frame that cannot be read.
        """
        seen = self.recognizer.inspect(frame, frame_side=self.frame_side)
        self.faces_left_out = getattr(seen, "faces_left_out", 0)
        now = time.monotonic() if seconds is None else seconds
        return self.follow(seen.faces, seen.probabilities, now, seen.scale)

    def follow(
        self,
        faces: Sequence[Face],
        probabilities: Mapping[str, np.ndarray],
        seconds: float,
        scale: float = 1.0,
    ) -> list[TrackedFace]:
        """`update` with the faces already found. probabilities: for each model float (N, 7). scale: pixels of
        the frame in one of the faces' boxes.
        """
        self._tracks = [track for track in self._tracks if seconds - track.seconds <= self.patience_s]
        known = self._match(faces, seconds)
        shown = []
        for index, face in enumerate(faces):
            read = {name: np.array(table[index], dtype=float) for name, table in probabilities.items()}
            if index in known:
                track = self._tracks[known[index]]
                track.see(face.outline, seconds, read, self.smoothing_s)
            else:
                self._latest += 1
                track = _Track(self._latest, face.outline, seconds, read)
                self._tracks.append(track)
            x, y, width, height = (round(side * scale) for side in face.box)
            smoothed = {name: values.copy() for name, values in track.probabilities.items()}
            shown.append(TrackedFace(track.number, (x, y, width, height), face.score, smoothed))
        return sorted(shown, key=lambda face: face.number)

    def _match(self, faces: Sequence[Face], seconds: float) -> dict[int, int]:
        """For each index of a known face, its track's. A face has gone on, or else it has stopped."""
        if not self._tracks or not faces:
            return {}
        found = np.stack([face.outline for face in faces])
        known = assign(measure_overlaps(np.stack([track.predict(seconds) for track in self._tracks]), found))
        stopped = measure_overlaps(np.stack([track.outline for track in self._tracks]), found)
        stopped[list(known.values())] = 0
        stopped[:, list(known)] = 0
        return known | assign(stopped)


def share_of_new(passed_s: float, constant_s: float) -> float:
    """Weight of a new value in exponential smoothing, passed_s seconds after the last one."""
    return 1.0 if constant_s <= 0 else 1 - float(np.exp(-max(passed_s, 0) / constant_s))


def assign(overlaps: np.ndarray) -> dict[int, int]:
    """For each column that has one, its row: the pairs with the greatest total overlap."""
    across = overlaps.shape[0] > overlaps.shape[1]
    pairs = enumerate(_match_rows(-np.nan_to_num(overlaps.T if across else overlaps)))
    matched = ((old, new) if across else (new, old) for old, new in pairs)
    return {new: old for new, old in matched if overlaps[old, new] >= LEAST_OVERLAP}


def _match_rows(costs: np.ndarray) -> list[int]:
    """The column of each row such that the total cost is least, for (N, M) with N <= M: the Hungarian method
    by shortest augmenting paths (Jonker and Volgenant, "A shortest augmenting path algorithm for dense and
    sparse linear assignment problems", 1987).
    """
    rows, columns = costs.shape
    row_prices, column_prices = np.zeros(rows), np.zeros(columns + 1)
    row_of = np.full(columns + 1, -1)  # the last column stands for the row that is being added
    for row in range(rows):
        row_of[-1], here = row, columns
        distances, before = np.full(columns, np.inf), np.full(columns, columns)
        reached = np.zeros(columns + 1, dtype=bool)
        while row_of[here] >= 0:
            reached[here] = True
            free = ~reached[:-1]
            lengths = costs[row_of[here]] - row_prices[row_of[here]] - column_prices[:-1]
            nearer = free & (lengths < distances)
            distances[nearer], before[nearer] = lengths[nearer], here
            following = int(np.where(free, distances, np.inf).argmin())
            step = distances[following]
            row_prices[row_of[reached]] += step
            column_prices[reached] -= step
            distances[free] -= step
            here = following
        while here != columns:
            row_of[here], here = row_of[before[here]], before[here]
    return [int(column) for column in row_of[:-1].argsort()[columns - rows :]]


def measure_overlaps(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union (N, M) of boxes (N, 4) and (M, 4), each x, y, width, height."""
    low = np.maximum(ones[:, None, :2], others[None, :, :2])
    high = np.minimum((ones[:, :2] + ones[:, 2:])[:, None], (others[:, :2] + others[:, 2:])[None])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = ones[:, 2:].prod(axis=1)[:, None] + others[:, 2:].prod(axis=1)[None]
    return shared / (areas - shared)
