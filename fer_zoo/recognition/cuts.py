"""Hard cuts of a video: after one, a face in the same position is another person's."""

import numpy as np

SIDES = (32, 18)  # pixels of the thumbnails that are compared, width and height
BINS = 24  # of a channel's histogram
# Measured on 60 made shots each. Another scene: 95 % have a correlation below 0.53 and a histogram
# distance over 0.15. A face that jumps 50 pixels: distance up to 0.04; a pan by 90 pixels: correlation from
# 0.62; a lamp: 1.
MAX_SCENE_CORRELATION = 0.55
MIN_HISTOGRAM_DISTANCE = 0.10
# Aligned crops of two people correlate below 0.35 in 88 % of 19,900 pairs of Training faces; those of one
# face, moved as the detector's boxes jitter, over 0.53 in 99 %.
MAX_FACE_CORRELATION = 0.35
MIN_SAME_FACE_CORRELATION = 0.6  # to be the same after a cut: 99.3 % of the pairs are below


class CutDetector:
    """Finds the frames that begin another scene. Use a new one for each video."""

    def __init__(self) -> None:
        self._thumbnail: np.ndarray | None = None
        self._histogram = np.zeros(0)

    def is_cut(self, pixels: np.ndarray) -> bool:
        """Whether a cut lies between the frame before and this one.

        Args:
            pixels: uint8 (H, W, 3), RGB.
        """
        import cv2

        thumbnail = cv2.resize(pixels, SIDES, interpolation=cv2.INTER_AREA).astype(np.float32)
        histogram = _count_colors(thumbnail)
        before, known = self._thumbnail, self._histogram
        self._thumbnail, self._histogram = thumbnail, histogram
        if before is None:
            return False
        distance = 0.5 * float(np.abs(histogram - known).sum())
        return (
            distance > MIN_HISTOGRAM_DISTANCE
            and correlate(before.mean(2), thumbnail.mean(2)) < MAX_SCENE_CORRELATION
        )


def _count_colors(thumbnail: np.ndarray) -> np.ndarray:
    """Fractions of all pixels in the bins of each channel, around its median: a lamp changes nothing."""
    centered = thumbnail - np.median(thumbnail, axis=(0, 1))
    counts = [np.histogram(centered[..., channel], BINS, (-255, 255))[0] for channel in range(3)]
    return np.concatenate(counts) / centered.size


def correlate(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson correlation of two gray pictures of one shape; 1 where one is of a single gray."""
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / scale if scale else 1.0
