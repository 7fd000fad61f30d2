"""What the faces of a video showed: gathered frame by frame, told in words, as CSV and as a picture."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import escape
from fer_zoo.files import write_atomically
from fer_zoo.recognition.tracking import TrackedFace
from fer_zoo.video.frames import VideoFrame

MOST_TOLD = 10  # faces: a crowd has more


@dataclass
class FaceStory:
    """One face over the whole video. sightings: (seconds, face), an entry a frame that shows it. portrait:
    uint8 (H, W, 3), the face where it was largest.
    """

    sightings: list[tuple[float, TrackedFace]] = field(default_factory=list)
    portrait: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3), dtype=np.uint8))

    @property
    def seconds(self) -> np.ndarray:
        """float (N,): when it was seen."""
        return np.array([seconds for seconds, _ in self.sightings])

    def stack(self, model: str) -> np.ndarray:
        """float (N, 7): that model's smoothed probabilities, a row a sighting."""
        return np.stack([face.probabilities[model] for _, face in self.sightings])

    def see(self, frame: VideoFrame, face: TrackedFace) -> None:
        self.sightings.append((frame.seconds, face))
        x, y, width, height = face.box
        if width * height > self.portrait.shape[0] * self.portrait.shape[1]:
            self.portrait = frame.pixels[y : y + height, x : x + width].copy()


@dataclass
class VideoStory:
    """faces: by number, from 1. frames: that were read. end: seconds of the last one."""

    faces: dict[int, FaceStory] = field(default_factory=dict)
    frames: int = 0
    end: float = 0.0

    def add(self, frame: VideoFrame) -> None:
        self.frames, self.end = self.frames + 1, frame.seconds
        for face in frame.faces:
            self.faces.setdefault(face.number, FaceStory()).see(frame, face)

    @property
    def longest(self) -> list[tuple[int, FaceStory]]:
        """The faces with their numbers, those first that most frames show."""
        return sorted(self.faces.items(), key=lambda item: (-len(item[1].sightings), item[0]))

    def describe(self, path: str | Path) -> dict[str, Any]:
        """The JSON of `fer-zoo video`: for each face when it was seen, and each model's mean probability of
        each emotion over the frames that show it.
        """
        return {
            "video": str(path),
            "seconds": round(self.end, 3),
            "frames": self.frames,
            "faces": [_describe_face(number, self.faces[number]) for number in sorted(self.faces)],
        }

    def write_csv(self, path: Path, models: Iterable[str]) -> None:
        """A row a face and frame: seconds, face, x, y, width, height in the frame's pixels, score, and
        MODEL.EMOTION with its smoothed probability.
        """
        names = list(models)
        columns = [f"{name}.{emotion}" for name in names for emotion in EMOTIONS]
        seen = [sighting for story in self.faces.values() for sighting in story.sightings]
        seen.sort(key=lambda sighting: (sighting[0], sighting[1].number))

        def write(place: Path) -> None:
            with place.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["seconds", "face", "x", "y", "width", "height", "score", *columns])
                for seconds, face in seen:
                    answers = [f"{p:.5f}" for name in names for p in face.probabilities[name]]
                    writer.writerow([f"{seconds:.3f}", face.number, *face.box, face.score, *answers])

        write_atomically(path, write)


def _describe_face(number: int, story: FaceStory) -> dict[str, Any]:
    seconds = story.seconds
    models = {
        name: dict(zip(EMOTIONS, np.round(story.stack(name).mean(axis=0), 4).tolist(), strict=True))
        for name in story.sightings[0][1].probabilities
    }
    times = {"from": round(float(seconds[0]), 3), "to": round(float(seconds[-1]), 3)}
    return {"face": number, **times, "frames": len(seconds), "models": models}


def format_story(described: dict[str, Any]) -> str:
    """For people: a line a face and model, the emotions by their mean probability."""
    faces = sorted(described["faces"], key=lambda face: -face["frames"])
    count = f"{len(faces)} face{'' if len(faces) == 1 else 's'}"
    lines = [
        f"{escape(described['video'])}: {described['seconds']:.1f} s, {described['frames']:,} frames read, "
        f"{count}"
    ]
    for face in faces[:MOST_TOLD]:
        lines.append(f"  face {face['face']}, {face['from']:.1f} to {face['to']:.1f} s")
        for name, named in face["models"].items():
            ranked = sorted(named.items(), key=lambda item: -item[1])
            told = "  ".join(f"{emotion} {mean:.0%}" for emotion, mean in ranked if mean >= 0.005)
            lines.append(f"    {name:<20} {told}")
    if len(faces) > MOST_TOLD:
        lines.append(f"  and {len(faces) - MOST_TOLD} faces that fewer frames show")
    return "\n".join(lines)
