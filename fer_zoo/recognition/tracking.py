"""Face tracking over video frames: a face keeps its number, and its probabilities are smoothed over time.

With frames of OpenCV, which are BGR:

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

from fer_zoo.detection.detector import Face, measure_overlaps
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError
from fer_zoo.recognition.cuts import MAX_FACE_CORRELATION, MIN_SAME_FACE_CORRELATION, correlate
from fer_zoo.recognition.recognizer import Recognizer
from fer_zoo.utils.images import Photo, Scale

FRAME_SIDE = 320  # pixels: longest side of a frame in the detector
MIN_OVERLAP = 0.2  # intersection over union of a face and the predicted box of a track
VELOCITY_S = 0.15  # time constant of a face's velocity: the detector's boxes jitter by a few pixels


@dataclass(frozen=True)
class TrackedFace:
    """A face in the latest frame."""

    number: int  # from 1, the same in every frame
    box: tuple[int, int, int, int]  # x, y, width, height in pixels of the frame
    score: float  # the detector's, 0-1
    probabilities: dict[str, np.ndarray]  # by model, float (C,), smoothed, in the order of its classes
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by model; EMOTIONS where none

    def answer(self, model: str) -> tuple[str, float]:
        """The model's most probable class, and its probability."""
        top = int(self.probabilities[model].argmax())
        return self.classes.get(model, EMOTIONS)[top], float(self.probabilities[model][top])


@dataclass
class _Track:
    number: int
    outline: np.ndarray  # float (4,): x, y, width, height when last seen
    seconds: float  # when last seen
    probabilities: dict[str, np.ndarray]
    crop: np.ndarray | None = None  # uint8 (48, 48), when last seen
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))  # pixels a second

    def predict(self, seconds: float) -> np.ndarray:
        """The outline at that time, at constant velocity."""
        moved = self.velocity * (seconds - self.seconds)
        return self.outline + np.concatenate([moved, np.zeros(2)])

    def update(
        self, outline: np.ndarray, seconds: float, measured: Mapping[str, np.ndarray], smoothing_s: float
    ) -> None:
        elapsed = seconds - self.seconds
        if elapsed > 0:
            center, previous = (one[:2] + one[2:] / 2 for one in (outline, self.outline))
            velocity = (center - previous) / elapsed
            self.velocity += smoothing_weight(elapsed, VELOCITY_S) * (velocity - self.velocity)
        weight = smoothing_weight(elapsed, smoothing_s)
        for name, probabilities in measured.items():
            self.probabilities[name] += weight * (probabilities - self.probabilities[name])
        self.outline, self.seconds = outline, seconds


class FaceTracker:
    """Tracks faces from frame to frame. It is not thread-safe.

    Args:
        recognizer: with the models; default `cnn-baseline`.
        smoothing_s: time constant of the exponential smoothing, in seconds: after this time 63 % of a change
            is in the probabilities, at any frame rate. 0 turns smoothing off.
        patience_s: seconds for which a face may be out of sight and keep its number.
        frame_side: longest side of the frame in the detector, in pixels; more finds smaller faces and takes
            longer.

    Attributes:
        faces_left_out: number of smaller faces of the latest frame beyond the 32 largest.

    Raises:
        FerZooError: an argument is out of range.
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
                " times of 0 seconds or more and sides of 32 pixels or more."
            )
        self.recognizer = recognizer or Recognizer()
        self.smoothing_s, self.patience_s, self.frame_side = smoothing_s, patience_s, frame_side
        self.faces_left_out = 0
        self._tracks: list[_Track] = []
        self._is_new_scene = False
        self._latest = 0  # number of the newest face

    def update(self, frame: Photo, seconds: float | None = None) -> list[TrackedFace]:
        """Find and score the faces of the next frame.

        Args:
            frame: uint8 (H, W, 3) RGB, an encoded picture, a Pillow image or a path.
            seconds: timestamp on any monotonic clock; None is now.

        Returns:
            The faces in sight, sorted by number.

        Raises:
            ImageError: the frame cannot be read.
        """
        inspection = self.recognizer.inspect(frame, frame_side=self.frame_side)
        self.faces_left_out = inspection.faces_left_out
        now = time.monotonic() if seconds is None else seconds
        return self.follow(
            inspection.faces,
            inspection.probabilities,
            now,
            inspection.scale,
            inspection.classes,
            inspection.crops,
        )

    def start_scene(self) -> None:
        """The next frame comes after a cut: only a face that looks the same keeps its number."""
        self._is_new_scene = True

    def follow(
        self,
        faces: Sequence[Face],
        probabilities: Mapping[str, np.ndarray],
        seconds: float,
        scale: Scale = (1.0, 1.0),
        classes: Mapping[str, tuple[str, ...]] | None = None,
        crops: np.ndarray | None = None,
    ) -> list[TrackedFace]:
        """`update` with the faces already found.

        Args:
            faces: N faces of the frame.
            probabilities: by model, float (N, C).
            seconds: timestamp.
            scale: pixels of the frame in one of the faces' boxes, along x and y.
            classes: by model, where they are not EMOTIONS.
            crops: uint8 (N, 48, 48); with them, another person in the same position gets a new number.
        """
        self._tracks = [track for track in self._tracks if seconds - track.seconds <= self.patience_s]
        matched = self._match(faces, seconds)
        if crops is not None:
            matched = self._drop_other_people(matched, crops)
        if self._is_new_scene:
            kept = [self._tracks[index] for index in matched.values()]
            self._tracks, matched = kept, {face: index for index, face in enumerate(matched)}
            self._is_new_scene = False
        tracked = []
        for index, face in enumerate(faces):
            measured = {name: np.array(table[index], dtype=float) for name, table in probabilities.items()}
            if index in matched:
                track = self._tracks[matched[index]]
                track.update(face.outline, seconds, measured, self.smoothing_s)
            else:
                self._latest += 1
                track = _Track(self._latest, face.outline, seconds, measured)
                self._tracks.append(track)
            track.crop = None if crops is None else crops[index]
            x, y, width, height = face.scale_box(scale)
            smoothed = {name: values.copy() for name, values in track.probabilities.items()}
            tracked.append(
                TrackedFace(track.number, (x, y, width, height), face.score, smoothed, classes or {})
            )
        return sorted(tracked, key=lambda face: face.number)

    def _drop_other_people(self, matched: dict[int, int], crops: np.ndarray) -> dict[int, int]:
        """Those pairs whose crops are alike. A track that another person has replaced ends."""
        least = MIN_SAME_FACE_CORRELATION if self._is_new_scene else MAX_FACE_CORRELATION
        alike = {}
        for face, index in matched.items():
            track = self._tracks[index]
            if track.crop is None or correlate(track.crop, crops[face]) >= least:
                alike[face] = index
            else:
                track.seconds = -np.inf
        return alike

    def _match(self, faces: Sequence[Face], seconds: float) -> dict[int, int]:
        """Index of a face to that of its track: by the predicted boxes first, then by the last ones."""
        if not self._tracks or not faces:
            return {}
        found = np.stack([face.outline for face in faces])
        moving = assign(measure_overlaps(np.stack([track.predict(seconds) for track in self._tracks]), found))
        stopped = measure_overlaps(np.stack([track.outline for track in self._tracks]), found)
        stopped[list(moving.values())] = 0
        stopped[:, list(moving)] = 0
        return moving | assign(stopped)


def smoothing_weight(elapsed_s: float, constant_s: float) -> float:
    """Weight of a new value in exponential smoothing, elapsed_s seconds after the last one."""
    return 1.0 if constant_s <= 0 else 1 - float(np.exp(-max(elapsed_s, 0) / constant_s))


def assign(overlaps: np.ndarray) -> dict[int, int]:
    """Match columns to rows so that the total overlap is greatest; pairs below MIN_OVERLAP are dropped."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.nan_to_num(overlaps), maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {new: old for old, new in pairs if overlaps[old, new] >= MIN_OVERLAP}
