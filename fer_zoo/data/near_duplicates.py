"""Pictures that are the same photo: equal to the pixel, nearly so (cropped, brightened, with a watermark), or
mirrored.

Two faces are compared by the correlation of their 16x16 means, which neither brightness nor contrast nor fine
detail changes. Of 35,887 FER2013 faces, ten random pairs in each hundredth of correlation were looked at:
from 0.95 up all of them showed one photo, mirrored ones too; from 0.92 to 0.93 half of them did.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_zoo.emotions import SIDE

ALIKE = 0.96  # correlation: a hundredth above where every pair looked at was one photo
COARSE = 16  # side of the means, pixels
BLOCK = 512  # faces compared with all others at once: 74 MB of correlations for FER2013
EXACT, NEAR, MIRRORED = "exact", "near", "mirrored"


class Pairs(NamedTuple):
    """Alike faces: places first < second (P,), correlation (P,), and which kind of likeness (P,)."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    correlation: NDArray[np.float32]
    kind: NDArray[np.str_]


def find_similar(
    pixels: NDArray[np.uint8],
    *,
    alike: float = ALIKE,
    progress: Callable[[int, int], object] | None = None,
) -> Pairs:
    """All pairs of uint8 faces (N, 1, 48, 48) that show one photo. Faces of a single gray resemble nothing.

    A pair that is alike both ways round, as a symmetric face is, counts as near.
    """
    means = _take_means(pixels)
    patterns, mirrored = _normalize(means), _normalize(means[:, :, ::-1])
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]] = []
    for start in range(0, len(patterns), BLOCK):
        block = patterns[start : start + BLOCK]
        straight = block @ patterns[start:].T
        flipped = block @ mirrored[start:].T
        rows, columns = np.nonzero((straight >= alike) | (flipped >= alike))
        later = columns > rows
        rows, columns = rows[later], columns[later]
        near = straight[rows, columns] >= alike
        value = np.where(near, straight[rows, columns], flipped[rows, columns])
        found.append((rows + start, columns + start, value, near))
        if progress:
            progress(min(start + BLOCK, len(patterns)), len(patterns))
    first, second, correlation, near = (np.concatenate(part) for part in zip(*found, strict=True))
    flat = pixels.reshape(len(pixels), -1)
    exact = (flat[first] == flat[second]).all(axis=1)
    kind = np.where(exact, EXACT, np.where(near, NEAR, MIRRORED))
    return Pairs(first, second, correlation, kind)


def group_similar(pairs: Pairs, count: int) -> NDArray[np.int64]:
    """For each of `count` faces the number of its group, from 0; -1 for a face that resembles no other."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs.first)), (pairs.first, pairs.second)), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    sizes = np.bincount(group, minlength=count)
    several = np.flatnonzero(sizes[: group.max() + 1] > 1)
    number = np.full(group.max() + 1, -1)
    number[several] = np.arange(len(several))
    return number[group]


def _take_means(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    step = SIDE // COARSE
    tiles = pixels.reshape(len(pixels), COARSE, step, COARSE, step)
    return tiles.mean(axis=(2, 4), dtype=np.float32)


def _normalize(means: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (N, 256) of mean 0 and length 1, so that products are correlations; 0 for a single gray."""
    rows = means.reshape(len(means), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-3)
