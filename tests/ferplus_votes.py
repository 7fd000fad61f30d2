"""A made-up fer2013new.csv for any faces."""

from pathlib import Path

import numpy as np

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.ferplus import VOTE_COLUMNS
from fer_zoo.data.labels_and_splits import SPLIT_USAGES

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def write_votes(path: Path, dataset: FER2013, shift: int = 0, second: int = 0) -> Path:
    """Eight of ten raters say what the label says, moved on by `shift` faces; `second` of these eight say the
    next emotion.
    """
    columns = HEADER.split(",")[2:]
    lines = [HEADER]
    for split, usage in SPLIT_USAGES.items():
        for label in np.roll(dataset.split(split).labels, shift):
            votes = dict.fromkeys(columns, 0) | {VOTE_COLUMNS[label]: 8 - second, "unknown": 2}
            if second:
                votes[VOTE_COLUMNS[(label + 1) % 7]] = second
            lines.append(",".join([usage, "x.png", *(str(votes[name]) for name in columns)]))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
