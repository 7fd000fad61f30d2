"""Tracking: numbers of faces, smoothing of probabilities, and the end of a track."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from fer_zoo import EMOTIONS, FaceTracker, FerZooError, Recognizer
from fer_zoo.detection.detector import Face, measure_overlaps
from fer_zoo.recognition.tracking import TrackedFace, assign


class Stub(nn.Module):
    name, classes = "stub", EMOTIONS

    def forward(self, faces: Tensor) -> Tensor:
        return faces.double().mean((1, 2, 3))[:, None] / 255 * torch.arange(7)


def create_tracker(**options: float) -> FaceTracker:
    return FaceTracker(Recognizer([Stub()]), **options)


def at(x: float, y: float = 100.0, side: float = 80.0) -> Face:
    outline = np.array([x, y, side, side])
    return Face(tuple(int(value) for value in outline), 0.9, np.zeros((5, 2)), outline)


def read(*tops: int, top: float = 0.7) -> dict[str, np.ndarray]:
    table = np.full((len(tops), 7), (1 - top) / 6)
    table[np.arange(len(tops)), list(tops)] = top
    return {"stub": table}


def follow(tracker: FaceTracker, xs: list[float], seconds: float) -> list[TrackedFace]:
    return tracker.follow([at(x) for x in xs], read(*[0] * len(xs)), seconds)


def test_faces_keep_their_numbers_when_they_cross() -> None:
    """One goes right at 200 pixels a second, one left; where they overlap the detector sees only one."""
    tracker, noise = create_tracker(), np.random.default_rng(0)
    for frame in range(31):
        seconds = frame / 10
        xs = np.array([100 + 200 * seconds, 700 - 200 * seconds]) + noise.normal(0, 2, 2)
        hidden = abs(xs[0] - xs[1]) < 40
        shown = follow(tracker, list(xs[: 1 if hidden else 2]), seconds)
        assert len(shown) == (1 if hidden else 2)
    by_number = {face.number: face.box[0] for face in shown}
    assert by_number[1] == pytest.approx(700, abs=10) and by_number[2] == pytest.approx(100, abs=10)


def test_order_of_the_detector_does_not_matter() -> None:
    tracker = create_tracker()
    follow(tracker, [100, 400], 0)
    shown = follow(tracker, [405, 104], 0.1)
    assert [(face.number, face.box[0]) for face in shown] == [(1, 104), (2, 405)]


@pytest.mark.parametrize("rate", [2, 10, 60])
def test_smoothing_has_its_time_constant_at_any_frame_rate(rate: int) -> None:
    tracker = create_tracker(smoothing_s=0.5)
    tracker.follow([at(100)], read(0, top=1), 0)
    for frame in range(1, rate // 2 + 1):  # half a second, one time constant
        (face,) = tracker.follow([at(100)], read(3, top=1), frame / rate)
    assert face.probabilities["stub"][3] == pytest.approx(1 - np.exp(-1), abs=1e-9)
    assert face.probabilities["stub"].sum() == pytest.approx(1)
    assert face.answer("stub") == ("happy", pytest.approx(1 - np.exp(-1)))


def test_without_smoothing_the_answer_is_the_frames_own() -> None:
    tracker = create_tracker(smoothing_s=0)
    tracker.follow([at(100)], read(0), 0)
    (face,) = tracker.follow([at(100)], read(3), 0.01)
    np.testing.assert_allclose(face.probabilities["stub"], read(3)["stub"][0])


def test_noise_changes_the_smoothed_answer_less_often() -> None:
    """A face between sad and neutral, read 15 times a second with noise."""
    generator = np.random.default_rng(0)
    changes = {}
    for smoothing_s in (0.0, 0.5):
        tracker = create_tracker(smoothing_s=smoothing_s)
        answers = []
        for frame in range(300):
            logits = np.array([0, 0, 0, 0, 2.0, 0, 1.8]) + np.random.default_rng(frame).normal(0, 0.5, 7)
            table = np.exp(logits)[None] / np.exp(logits).sum()
            x = 100 + generator.normal(0, 2)
            (face,) = tracker.follow([at(x)], {"stub": table}, frame / 15)
            answers.append(face.answer("stub")[0])
        changes[smoothing_s] = sum(one != other for one, other in pairwise(answers))
    assert changes[0.5] < changes[0.0] / 3


def test_lost_face_goes_and_a_short_absence_is_forgiven() -> None:
    tracker = create_tracker(patience_s=1)
    assert [face.number for face in follow(tracker, [100], 0)] == [1]
    assert follow(tracker, [], 0.5) == []
    assert [face.number for face in follow(tracker, [102], 0.9)] == [1]
    assert follow(tracker, [], 2.0) == []
    assert [face.number for face in follow(tracker, [102], 2.1)] == [2]


def test_fast_face_that_stops_out_of_sight_is_still_the_same() -> None:
    tracker = create_tracker()
    for frame in range(4):
        follow(tracker, [100 + 20 * frame], frame / 30)  # 600 pixels a second
    assert [face.number for face in follow(tracker, [170], 0.9)] == [1]


def test_distant_face_is_another_face() -> None:
    tracker = create_tracker()
    follow(tracker, [100], 0)
    assert [face.number for face in follow(tracker, [400], 0.1)] == [2]


def test_overlap_is_intersection_over_union() -> None:
    square, moved = np.array([[0, 0, 10, 10]]), np.array([[5, 0, 10, 10], [0, 0, 10, 10], [20, 0, 5, 5]])
    np.testing.assert_allclose(measure_overlaps(square, moved), [[1 / 3, 1, 0]])
    assert assign(measure_overlaps(square, moved)) == {1: 0}
    assert assign(np.array([[0.6, 0.5], [0.5, 0.1]])) == {0: 1, 1: 0}
    assert assign(np.array([[0.1]])) == {}


def test_pairs_have_the_greatest_total_overlap() -> None:
    assert assign(np.array([[0.9, 0.8, 0.0], [0.8, 0.3, 0.0]])) == {0: 1, 1: 0}  # not the best pair first
    assert assign(np.full((2, 3), np.nan)) == {}


def test_frames_of_a_moving_photo_show_one_face(portrait: Image.Image) -> None:
    tracker = create_tracker()
    for frame in range(5):
        canvas = Image.new("RGB", (640, 480), (120, 130, 140))
        canvas.paste(portrait.resize((320, 375)), (100 + 20 * frame, 60))
        (face,) = tracker.update(np.asarray(canvas), frame / 10)
        assert face.number == 1
        x, _, width, _ = face.box
        assert x + width / 2 == pytest.approx(100 + 20 * frame + 0.52 * 320, abs=20)
        assert face.probabilities["stub"].sum() == pytest.approx(1)


def test_boxes_are_in_the_pixels_of_a_large_frame(portrait: Image.Image) -> None:
    (small,), (large,) = (
        create_tracker().update(portrait.resize(size)) for size in ((512, 600), (2048, 2400))
    )
    np.testing.assert_allclose(large.box, np.multiply(small.box, 4), atol=60)


@pytest.mark.parametrize("option", [{"smoothing_s": -1}, {"patience_s": float("nan")}, {"frame_side": 0}])
def test_impossible_options_are_refused(option: dict[str, float]) -> None:
    with pytest.raises(FerZooError, match="allowed are times of 0 seconds or more"):
        create_tracker(**option)


def test_another_person_in_the_same_position_gets_a_new_number() -> None:
    """One face speaks (its crop changes a little), then another takes its position, as after a hard cut."""
    tracker, noise = create_tracker(), np.random.default_rng(0)
    one, other = noise.normal(128, 40, (2, 48, 48))
    numbers = []
    for frame in range(8):
        crop = (one if frame < 4 else other) + noise.normal(0, 12, (48, 48))
        crops = crop.clip(0, 255).astype(np.uint8)[None]
        (face,) = tracker.follow([at(100)], read(0 if frame < 4 else 3), frame / 10, crops=crops)
        numbers.append(face.number)
    assert numbers == [1, 1, 1, 1, 2, 2, 2, 2]
    assert face.answer("stub")[1] == pytest.approx(0.7)  # nothing of the first person is in it


def test_after_a_cut_only_a_face_that_looks_the_same_keeps_its_number() -> None:
    tracker = create_tracker()
    one, other = np.random.default_rng(0).integers(0, 256, (2, 48, 48)).astype(np.uint8)
    half = ((one.astype(int) + other) // 2).astype(np.uint8)  # correlates with either at 0.7
    tracker.follow([at(100), at(400)], read(0, 0), 0, crops=np.stack([one, other]))
    tracker.start_scene()
    shown = tracker.follow([at(100), at(700)], read(0, 0), 0.1, crops=np.stack([half, one]))
    assert [face.number for face in shown] == [1, 3]
    (face,) = tracker.follow([at(400)], read(0), 0.2, crops=other[None])
    assert face.number == 4  # the second one left with the scene
