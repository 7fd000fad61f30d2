"""Small pictures of a video, evenly over its time, in one picture: for the frame under the pointer."""

from typing import Any

import numpy as np

from page.data_uris import encode_pixels

WIDTH = 160  # pixels of each
COLUMNS = 10
MOST = 60


class Filmstrip:
    """Add frames as they come; when there are too many, every other one goes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._pictures: list[np.ndarray] = []
        self._interval = self._due = 0.0

    def add(self, seconds: float, pixels: np.ndarray) -> None:
        """pixels: uint8 (H, W, 3), RGB."""
        if seconds < self._due:
            return
        import cv2

        height = max(1, round(WIDTH * pixels.shape[0] / pixels.shape[1]))
        self._pictures.append(cv2.resize(pixels, (WIDTH, height), interpolation=cv2.INTER_AREA))
        self.seconds.append(seconds)
        if len(self.seconds) > MOST:
            self.seconds, self._pictures = self.seconds[::2], self._pictures[::2]
            self._interval = (self.seconds[-1] - self.seconds[0]) / (len(self.seconds) - 1)
        self._due = self.seconds[-1] + 0.99 * self._interval

    def describe(self) -> dict[str, Any]:
        """The pictures side by side as a data URI, their times, and how they are laid out."""
        height, width = self._pictures[0].shape[:2]
        rows = -(-len(self._pictures) // COLUMNS)
        sheet = np.zeros((rows * height, COLUMNS * width, 3), dtype=np.uint8)
        for index, picture in enumerate(self._pictures):
            top, left = index // COLUMNS * height, index % COLUMNS * width
            sheet[top : top + height, left : left + width] = picture[:height]
        layout = {"columns": COLUMNS, "width": width, "height": height}
        return {"source": encode_pixels(sheet, "JPEG"), "seconds": self.seconds, **layout}
