"""The faces of a photo with what each model answers: as JSON, as text, as a picture."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL.Image import Image

from fer_zoo.artifacts.answer_table import describe_answer, find_top
from fer_zoo.detection.crops import measure_outside
from fer_zoo.detection.detector import Face, name_sides
from fer_zoo.emotions import find_colors
from fer_zoo.errors import UnknownNameError, escape
from fer_zoo.recognition.face_drawing import draw_faces
from fer_zoo.utils.images import Scale

TINY_SIDE = 32  # pixels: a smaller face is upsampled, and no training face was
# On 1,500 PublicTest faces: 99.5 % have detail (below) over 0.40 of their contrast and contrast over 22.
# Blurred by a Gaussian of 1 pixel their median detail is 0.26, and cnn-baseline is right in 57 % instead of
# 68 %; darkened to 30 % their median contrast is 16, and it is right in 59 %. Contrast, not brightness:
# dark skin in good light is not a defect.
BLURRED_DETAIL = 0.27
FAINT_CONTRAST = 15.0  # standard deviation of the crop's gray, 0-255
# On PublicTest 1.1 % have more noise than this fraction of their contrast. With Gaussian noise of 10 gray
# levels 92 % have, and of 500 faces cnn-baseline is right in 45 % instead of 69 %, resnet_48 in 58 instead of
# 73 %.
NOISY_FRACTION = 0.16
# Of 110 faces that a photo's edge cuts, 109 have this fraction of their crop or more outside of it, and of 83
# whole faces none has.
CUT_FRACTION = 0.1


@dataclass(frozen=True)
class Inspection:
    """The faces of a photo with the probabilities of each model."""

    photo: Image  # RGB, by its EXIF orientation, longest side at most 1600 pixels
    faces: list[Face]  # in pixels of `photo`
    crops: np.ndarray  # uint8 (N, 48, 48), upright
    probabilities: dict[str, np.ndarray]  # by model, float (N, C) in the order of its classes
    milliseconds: dict[str, float]  # by model, for all N faces
    scale: Scale  # pixels of the given picture in one of `photo`, along x and y
    classes: dict[str, tuple[str, ...]]  # by model, the names of its columns
    errors: dict[str, str] = field(default_factory=dict)  # by model that has no probabilities
    faces_left_out: int = 0  # smaller faces beyond the 32 largest
    turned: int = 0  # degrees clockwise (0, 90, 180, 270) by which the photo is rotated to make faces upright

    @property
    def answers(self) -> dict[str, list[int]]:
        """For each model the index of the most probable class of each face."""
        return {name: table.argmax(1).tolist() for name, table in self.probabilities.items()}

    def notes(self, index: int) -> list[str]:
        """Why a face may be misclassified: some of `tiny`, `profile`, `cut`, `blurred`, `faint`,
        `noisy`.
        """
        face, crop = self.faces[index], self.crops[index].astype(np.float32)
        contrast = float(crop.std())
        tiny = min(face.scale_box(self.scale)[2:]) < TINY_SIDE
        faint = contrast < FAINT_CONTRAST
        blurred = not (tiny or faint) and _measure_detail(crop) < BLURRED_DETAIL * contrast
        noisy = not (tiny or faint) and _measure_noise(crop) > NOISY_FRACTION * contrast
        whole = face.box == (0, 0, *self.photo.size)
        cut = not whole and measure_outside(face, self.photo.size) >= CUT_FRACTION
        notes = {
            "tiny": tiny,
            "profile": face.is_profile,
            "cut": cut,
            "blurred": blurred,
            "faint": faint,
            "noisy": noisy,
        }
        return [note for note, applies in notes.items() if applies]

    def describe(self) -> dict[str, Any]:
        """`faces`: box in the given picture's pixels, score, each model's named probabilities, and notes
        where there are some; `faces_left_out` and `turned` where they are not 0.
        """
        faces = []
        for index, face in enumerate(self.faces):
            named = {
                name: dict(zip(self.classes[name], map(float, table[index]), strict=True))
                for name, table in self.probabilities.items()
            }
            notes = self.notes(index)
            described = {"box": face.scale_box(self.scale), "score": face.score, "models": named}
            faces.append({**described, "notes": notes} if notes else described)
        optional = {"faces_left_out": self.faces_left_out, "turned": self.turned}
        return {"faces": faces, **{key: value for key, value in optional.items() if value}}

    def plot(self, model: str | None = None) -> Image:
        """The photo with a box on each face, and the model's answer and its probability beside it.

        Args:
            model: whose answers; None for the first.

        Raises:
            UnknownNameError: no model of that name answered.
        """
        name = model or next(iter(self.probabilities), "")
        if name not in self.probabilities:
            raise UnknownNameError("model", name, self.probabilities)
        classes, table = self.classes[name], self.probabilities[name]
        colors, tops = find_colors(classes), self.answers[name]
        labels = [f"{classes[top]} {row[top]:.0%}" for top, row in zip(tops, table, strict=True)]
        boxes = [face.box for face in self.faces]
        return draw_faces(self.photo, boxes, labels, [colors[top] for top in tops])


def add_top(result: dict[str, Any]) -> dict[str, Any]:
    """A result of `Recognizer.recognize` with each model's most probable class as `top` of each face."""
    faces = [
        {**face, "top": {name: find_top(named) for name, named in face["models"].items()}}
        for face in result["faces"]
    ]
    return {**result, "faces": faces}


def list_rows(result: dict[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """A result as rows for a table: one a face and model, or one with `face` missing where there is none."""
    rows = []
    for number, face in enumerate(result["faces"]):
        found = {"image": result["image"], "face": number, **name_sides(face["box"]), "score": face["score"]}
        rows += [{**found, **describe_answer(name, named)} for name, named in face["models"].items()]
    if not rows:
        rows = [{"image": result["image"], "model": name, "error": result.get("error")} for name in names]
    return rows


def format_recognition(result: dict[str, Any]) -> str:
    """Text with a line for each face and model: box, and the classes by probability."""
    faces = len(result["faces"])
    lines = [f"{escape(result['image'])}: {faces} face{'' if faces == 1 else 's'}"]
    if left_out := result.get("faces_left_out"):
        lines.append(f"  the {faces} largest of {faces + left_out} faces: {left_out} smaller left out")
    if turned := result.get("turned"):
        lines.append(f"  turned by {turned} degrees clockwise, so that the faces are upright")
    for number, face in enumerate(result["faces"], 1):
        x, y, width, height = face["box"]
        notes = f" ({', '.join(face['notes'])})" if face.get("notes") else ""
        lines.append(f"  face {number} at {x},{y}, {width}x{height} pixels{notes}")
        for name, named in face["models"].items():
            ranked = sorted(named.items(), key=lambda item: -item[1])
            rest = "  ".join(
                f"{emotion} {probability:.0%}" for emotion, probability in ranked[1:] if probability >= 0.005
            )
            lines.append(f"    {name:<20} {ranked[0][0]:<9}{ranked[0][1]:>5.0%}   {rest}")
    return "\n".join(lines)


def _measure_detail(crop: np.ndarray) -> float:
    """Standard deviation of the Laplacian (four neighbors) of gray float (48, 48), without the border."""
    neighbors = crop[:-2, 1:-1] + crop[2:, 1:-1] + crop[1:-1, :-2] + crop[1:-1, 2:]
    return float((4 * crop[1:-1, 1:-1] - neighbors).std())


def _measure_noise(crop: np.ndarray) -> float:
    """Standard deviation of white noise in gray float (48, 48), by the median absolute diagonal difference of
    neighbors (Donoho and Johnstone 1994), which edges hardly move.
    """
    diagonal = (crop[:-1, :-1] - crop[1:, :-1] - crop[:-1, 1:] + crop[1:, 1:]) / 2
    return float(np.median(np.abs(diagonal)) / 0.6745)
