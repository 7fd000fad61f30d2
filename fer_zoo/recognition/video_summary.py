"""Summary of a video: the emotions of each face over time, as JSON, text and CSV."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import PIL.Image

from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import escape
from fer_zoo.recognition.tracking import TrackedFace
from fer_zoo.recognition.video import VideoFrame

MAX_GAP_S = 1.0  # out of sight for longer, a face's timeline is split
PORTRAIT_SIDE = 96  # pixels, at most
MAX_PRINTED = 10  # faces


@dataclass
class FaceStory:
    """One face over the whole video."""

    seconds: list[float] = field(default_factory=list)  # of each frame that shows it
    faces: list[TrackedFace] = field(default_factory=list)  # in each of these frames
    # uint8 (H, W, 3), RGB, at most 96 pixels a side: from the frame in which the face is largest
    portrait: np.ndarray = field(default_factory=lambda: np.zeros((1, 1, 3), dtype=np.uint8))
    _max_area: int = 0  # pixels of the portrait in its frame

    def stack(self, model: str) -> np.ndarray:
        """float (N, C): that model's smoothed probabilities, in the order of its classes."""
        return np.stack([face.probabilities[model] for face in self.faces])

    @property
    def segments(self) -> list[np.ndarray]:
        """Indices of the frames, split where the face is out of sight for over a second."""
        gaps = np.flatnonzero(np.diff(self.seconds) > MAX_GAP_S)
        return np.split(np.arange(len(self.seconds)), gaps + 1)

    def add(self, frame: VideoFrame, face: TrackedFace) -> None:
        self.seconds.append(frame.seconds)
        self.faces.append(face)
        x, y, width, height = face.box
        if width * height > self._max_area:
            self._max_area = width * height
            portrait = PIL.Image.fromarray(frame.pixels[y : y + height, x : x + width])
            portrait.thumbnail((PORTRAIT_SIDE, PORTRAIT_SIDE))
            self.portrait = np.asarray(portrait)


class VideoStory:
    """Collects the faces of a video. Call `add` for each frame of `follow_video`.

    Args:
        models: names of the tracker's models.

    Attributes:
        faces: FaceStory by number, from 1.
        frames: number of frames added.
        end: seconds of the last frame.
    """

    def __init__(self, models: Iterable[str]) -> None:
        self.models = list(models)
        self.faces: dict[int, FaceStory] = {}
        self.frames, self.end = 0, 0.0
        self._classes: dict[str, tuple[str, ...]] = {}

    def name_classes(self, model: str) -> tuple[str, ...]:
        """Names of the columns of the model's probabilities; EMOTIONS before the first face."""
        return self._classes.get(model, EMOTIONS)

    def add(self, frame: VideoFrame) -> None:
        """Add the next frame."""
        self.frames, self.end = self.frames + 1, frame.seconds
        for face in frame.faces:
            self._classes.update(face.classes)
            self.faces.setdefault(face.number, FaceStory()).add(frame, face)

    @property
    def longest(self) -> list[tuple[int, FaceStory]]:
        """The faces with their numbers, sorted by the number of frames that show them."""
        return sorted(self.faces.items(), key=lambda item: (-len(item[1].seconds), item[0]))

    def describe(self, name: str) -> dict[str, Any]:
        """The JSON of `fer-zoo video` for a video of that name: when each face is seen, and each model's mean
        probability of each emotion over these frames.
        """
        faces = [self._describe_face(number) for number in sorted(self.faces)]
        return {"video": name, "seconds": round(self.end, 3), "frames": self.frames, "faces": faces}

    def _describe_face(self, number: int) -> dict[str, Any]:
        face = self.faces[number]
        means = {
            name: dict(
                zip(
                    self.name_classes(name),
                    np.round(face.stack(name).mean(axis=0), 4).tolist(),
                    strict=True,
                )
            )
            for name in self.models
        }
        return {
            "face": number,
            "from": round(face.seconds[0], 3),
            "to": round(face.seconds[-1], 3),
            "frames": len(face.seconds),
            "models": means,
        }

    def to_csv(self) -> str:
        """A row for each face and frame: seconds, face, x, y, width, height in the frame's pixels, score, and
        MODEL.EMOTION with its smoothed probability.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = [f"{name}.{label}" for name in self.models for label in self.name_classes(name)]
        writer.writerow(["seconds", "face", "x", "y", "width", "height", "score", *columns])
        seen = [
            (seconds, face)
            for story in self.faces.values()
            for seconds, face in zip(story.seconds, story.faces, strict=True)
        ]
        for seconds, face in sorted(seen, key=lambda sighting: (sighting[0], sighting[1].number)):
            answers = [f"{p:.5f}" for name in self.models for p in face.probabilities[name]]
            writer.writerow([f"{seconds:.3f}", face.number, *face.box, face.score, *answers])
        return text.getvalue()


def format_story(described: dict[str, Any]) -> str:
    """Text with a line for each face and model: the emotions by mean probability."""
    faces = sorted(described["faces"], key=lambda face: -face["frames"])
    count = f"{len(faces)} face{'' if len(faces) == 1 else 's'}"
    lines = [
        f"{escape(described['video'])}: {described['seconds']:.1f} s, {described['frames']:,} frames read, "
        f"{count}"
    ]
    for face in faces[:MAX_PRINTED]:
        lines.append(f"  face {face['face']}, {face['from']:.1f} to {face['to']:.1f} s")
        for name, named in face["models"].items():
            ranked = sorted(named.items(), key=lambda item: -item[1])
            means = "  ".join(f"{emotion} {mean:.0%}" for emotion, mean in ranked if mean >= 0.005)
            lines.append(f"    {name:<20} {means}")
    if len(faces) > MAX_PRINTED:
        lines.append(f"  and {len(faces) - MAX_PRINTED} faces in fewer frames")
    return "\n".join(lines)
