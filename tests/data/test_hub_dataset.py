"""FER2013 as a dataset of the Hub, read over real HTTP from a local Hub."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from minihub import Fault, MiniHub, Repository
from PIL import Image
from pyarrow import parquet

from fer_zoo.cli.main import main
from fer_zoo.data.fer2013 import read_fer2013
from fer_zoo.data.labels_and_splits import Rows
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, HubError

ADDRESS = "hf://datasets/ada/fer2013"
SPLITS = ("train", "validation", "test")


def encode_split(rows: Rows, usage: int) -> bytes:
    """As the `datasets` library pushes it, without the class names."""
    images = []
    for face in rows.pixels[rows.usages == usage]:
        stream = BytesIO()
        Image.fromarray(face).save(stream, format="png")
        images.append({"bytes": stream.getvalue(), "path": None})
    names = [EMOTIONS[label] for label in rows.labels[rows.usages == usage]]
    written = BytesIO()
    parquet.write_table(pyarrow.table({"image": images, "label": names}), written)
    return written.getvalue()


def put_dataset(hub: MiniHub, rows: Rows, pattern: str) -> Repository:
    files = {pattern.format(name): encode_split(rows, usage) for usage, name in enumerate(SPLITS)}
    hub.repos["datasets/ada/fer2013"] = Repository(files={**files, "fer2013.py": b"print('no')"})
    return hub.repos["datasets/ada/fer2013"]


@pytest.mark.parametrize(
    "pattern", ["data/{}-00000-of-00001.parquet", "default/{}/0000.parquet", "{}/0000.parquet", "{}.PARQUET"]
)
def test_dataset_gives_the_faces_that_the_csv_gives(
    pattern: str, hub: MiniHub, rows: Rows, csv_file: Path
) -> None:
    repo = put_dataset(hub, rows, pattern)
    read, expected = read_fer2013(ADDRESS), read_fer2013(csv_file)
    for name in ("train", "public", "private"):
        assert np.array_equal(read.split(name).pixels, expected.split(name).pixels)
        assert np.array_equal(read.split(name).labels, expected.split(name).labels)
    assert read.fingerprint == expected.fingerprint
    assert read.source == f"{ADDRESS}@{repo.find_commit('main')}"
    assert not [line for line in hub.log if "fer2013.py" in line], "no code is fetched"


def test_revision_folder_and_offline(hub: MiniHub, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = put_dataset(hub, rows, "data/{}.parquet")
    repo.branches["refs/convert/parquet"] = {
        path.replace("data/", f"{config}/"): content
        for config in ("default", "other")
        for path, content in repo.files.items()
    }
    pinned = read_fer2013(ADDRESS).source
    converted = f"{ADDRESS}@refs/convert/parquet"
    with pytest.raises(DataError, match=r"several data sets \(default, other\). Add /FOLDER"):
        read_fer2013(converted)
    assert len(read_fer2013(f"{converted}/default/").training) == 40
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert read_fer2013(ADDRESS).source == read_fer2013(pinned).source == pinned


def test_a_corrupt_download_is_refused(hub: MiniHub, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    put_dataset(hub, rows, "data/{}.parquet")
    hub.faults = [Fault("GET .*/data/train", change=True, times=2)]
    with pytest.raises(
        HubError, match=r"data/train\.parquet of ada/fer2013 was downloaded twice and did not match"
    ):
        read_fer2013(ADDRESS)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="cannot be reached"):
        read_fer2013(ADDRESS)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("hf://ada/fer2013", "not hf://datasets/OWNER/NAME"),
        ("hf://datasets/ada", "not hf://datasets/OWNER/NAME"),
        ("hf://datasets/ada/missing", "has no dataset 'ada/missing'. Check the name"),
        ("hf://datasets/ada/fer2013@v9", "has no revision 'v9'"),
        ("hf://datasets/ada/fer2013/nothing", "no Parquet file there. The Hub's Parquet copy"),
    ],
)
def test_wrong_addresses_are_one_line(
    address: str, expected: str, hub: MiniHub, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    put_dataset(hub, rows, "data/{}.parquet")
    with pytest.raises(SystemExit, match="2"):
        main(["data", "info", "--data", address])
    errors = capsys.readouterr().err
    assert expected in errors and errors.count("\n") == 1


def test_too_large_a_dataset_is_not_downloaded(
    hub: MiniHub, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_dataset(hub, rows, "data/{}.parquet")
    monkeypatch.setattr("fer_zoo.data.hub_dataset.MAX_DOWNLOAD_BYTES", 1000)
    with pytest.raises(HubError, match="fer_zoo downloads at most 0 MB"):
        read_fer2013(ADDRESS)
