"""Every format of FER2013 gives the same faces, and every error is described."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from fer_zoo.data.fer2013 import FER2013, read_fer2013
from fer_zoo.data.labels_and_splits import USAGES, Rows
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, UnknownNameError


def write_icml(rows: Rows, folder: Path) -> Path:
    lines = ["emotion, Usage, pixels"]
    for face, label, usage in zip(rows.pixels, rows.labels, rows.usages, strict=True):
        lines.append(f"{label},{USAGES[usage]},{' '.join(map(str, face.ravel()))}")
    path = folder / "icml_face_data.csv"
    path.write_bytes("\r\n".join([*lines, ""]).encode())
    return path


def write_quoted(rows: Rows, folder: Path) -> Path:
    path = folder / "quoted.csv"
    lines = ['"emotion","pixels","Usage"']
    for face, label, usage in zip(rows.pixels, rows.labels, rows.usages, strict=True):
        lines.append(f'"{label}","{" ".join(map(str, face.ravel()))} ","{USAGES[usage]}"')
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    return path


def write_folder(rows: Rows, folder: Path, spell: Callable[[int], str] = EMOTIONS.__getitem__) -> Path:
    for index, (face, label, usage) in enumerate(zip(rows.pixels, rows.labels, rows.usages, strict=True)):
        classes = folder / ("test" if usage else "train") / spell(label)
        classes.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).convert("RGB").save(classes / f"{USAGES[usage]}_{index}.png")
    return folder


def write_numbered_folder(rows: Rows, folder: Path) -> Path:
    return write_folder(rows, folder, spell=str)


def write_misspelt_folder(rows: Rows, folder: Path) -> Path:
    words = ("Anger", "disgusted", "Fearful", "happiness", "sadness", "surprised", "neutral")
    return write_folder(rows, folder, spell=words.__getitem__)


def png_bytes(face: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(face).save(stream, format="png")
    return stream.getvalue()


def write_parquet(rows: Rows, folder: Path) -> Path:
    """As the `datasets` library writes it: image structs, and class names in another order."""
    names = sorted(EMOTIONS)
    table = pyarrow.table(
        {
            "image": [{"bytes": png_bytes(face), "path": None} for face in rows.pixels],
            "label": [names.index(EMOTIONS[label]) for label in rows.labels],
            "split": [("train", "publicTest", "privateTest")[usage] for usage in rows.usages],
        }
    )
    features = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
    path = folder / "faces.parquet"
    parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), path)
    return path


def write_parquet_folder(rows: Rows, folder: Path) -> Path:
    """One file per split, with its name; raw bytes, and class names as text."""
    (folder / "data").mkdir()
    for usage, name in enumerate(("train", "validation", "test")):
        chosen = np.flatnonzero(rows.usages == usage)
        columns = {
            "image": [png_bytes(rows.pixels[index]) for index in chosen],
            "label": [EMOTIONS[rows.labels[index]] for index in chosen],
        }
        parquet.write_table(pyarrow.table(columns), folder / "data" / f"{name}-00000-of-00001.parquet")
    return folder


def write_npz(rows: Rows, folder: Path) -> Path:
    path = folder / "faces.npz"
    np.savez(path, pixels=rows.pixels, emotion=rows.labels, usage=np.array(USAGES)[rows.usages])
    return path


FORMS = [
    write_icml,
    write_quoted,
    write_folder,
    write_numbered_folder,
    write_misspelt_folder,
    write_parquet,
    write_parquet_folder,
    write_npz,
]


def assert_same(one: FER2013, other: FER2013) -> None:
    for name in ("train", "public", "private"):
        assert np.array_equal(one.split(name).pixels, other.split(name).pixels)
        assert np.array_equal(one.split(name).labels, other.split(name).labels)
    assert one.fingerprint == other.fingerprint


def test_csv_keeps_every_pixel_and_label(rows: Rows, csv_file: Path) -> None:
    dataset = read_fer2013(csv_file)
    for usage, name in enumerate(("train", "public", "private")):
        faces = dataset.split(name)
        assert faces.pixels.dtype == np.uint8 and faces.labels.dtype == np.int64
        assert np.array_equal(faces.pixels[:, 0], rows.pixels[rows.usages == usage])
        assert np.array_equal(faces.labels, rows.labels[rows.usages == usage])
    assert len(dataset.split("test")) == 20
    with pytest.raises(UnknownNameError, match="privat"):
        dataset.split("privat")


@pytest.mark.parametrize("write", FORMS, ids=lambda write: write.__name__)
@pytest.mark.parametrize("one_level_down", [False, True])
def test_every_form_gives_the_same_data(
    write: Callable[[Rows, Path], Path], one_level_down: bool, rows: Rows, csv_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "README.txt").write_text("some words", encoding="utf-8")
    inner = folder / "inner" if write in FORMS[2:5] else folder
    inner.mkdir(exist_ok=True)
    written = write(rows, inner)
    assert_same(read_fer2013(folder if one_level_down else written), read_fer2013(csv_file))


def test_fingerprint_ignores_order_and_sees_one_pixel_label_and_split(rows: Rows, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(60)
    shuffled = Rows(rows.pixels[order], rows.labels[order], rows.usages[order])
    pixels, labels, usages = rows.pixels.copy(), rows.labels.copy(), rows.usages.copy()
    pixels[3, 0, 0] ^= 1
    labels[3] = (labels[3] + 1) % 7
    usages[3] = 1
    first = read_fer2013(write_npz(rows, tmp_path)).fingerprint
    assert read_fer2013(write_npz(shuffled, tmp_path)).fingerprint == first
    for changed in (
        Rows(pixels, rows.labels, rows.usages),
        Rows(rows.pixels, labels, rows.usages),
        Rows(rows.pixels, rows.labels, usages),
    ):
        assert read_fer2013(write_npz(changed, tmp_path)).fingerprint != first


def test_test_folder_without_usages_is_both_test_splits_and_says_so(rows: Rows, tmp_path: Path) -> None:
    folder = write_folder(rows, tmp_path / "faces")
    for file in list(folder.rglob("*.png")):
        file.rename(file.with_name(file.name.split("_")[1]))
    with pytest.warns(UserWarning, match="serve as both"):
        dataset = read_fer2013(folder)
    assert dataset.public_test is dataset.private_test
    assert len(dataset.split("test")) == len(dataset.public_test) == 20
    assert "20 held-out faces serve as both" in dataset.note
    next((folder / "test").rglob("*.png")).rename(folder / "test" / "sad" / "PublicTest_1.png")
    with pytest.raises(DataError, match="1 held-out faces have a Usage, 19 do not"):
        read_fer2013(folder)


def test_usage_in_a_file_name_overrides_the_folder(rows: Rows, tmp_path: Path) -> None:
    folder = write_folder(rows, tmp_path / "faces")
    moved = next((folder / "train").rglob("*.png"))
    (folder / "test" / moved.parent.name).mkdir(exist_ok=True)
    moved.rename(folder / "test" / moved.parent.name / moved.name)
    assert len(read_fer2013(folder).training) == 40


FACE = " ".join(["7"] * 2304)
BAD_ROWS = {
    f"3,{FACE[2:]},Training": "2303 pixel values; a 48x48 face has 2304",
    f"3,{FACE} 7,Training": "2305 pixel values",
    f"3,256{FACE[1:]},Training": "pixel 1 is '256'; it must be a whole number from 0 to 255",
    f"3,{FACE[:-1]}-1,Training": "pixel 2304 is '-1'",
    f"3,{FACE[:-1]}x,Training": "pixel 2304 is 'x'",
    f"3,7 7.5{FACE[3:]},Training": "pixel 2 is '7.5'",
    f"3,99999999999999999999{FACE[1:]},Training": "pixel 1 is '99999999999999999999'",
    f"7,{FACE},Training": "emotion is '7'; it must be a whole number from 0 to 6",
    f"-1,{FACE},Training": "emotion is '-1'",
    f"happy,{FACE},Training": "emotion is 'happy'",
    f",{FACE},Training": "emotion is ''",
    f"3,{FACE},Train": "Usage is 'Train'; it must be one of Training, PublicTest, PrivateTest",
    f"3,{FACE},": "Usage is ''",
    "3,,Training": "0 pixel values",
    f"3,{FACE}": "2 columns; the header has 3",
    "": "the row is blank",
    ",,": "the row is blank",
}


@pytest.mark.parametrize(("bad", "reason"), BAD_ROWS.items(), ids=BAD_ROWS.values())
@pytest.mark.parametrize("index", [1, 300])
def test_bad_row_is_reported(bad: str, reason: str, index: int, tmp_path: Path) -> None:
    lines = ["emotion,pixels,Usage", *[f"3,{FACE},Training"] * 310]
    lines[index] = bad
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_fer2013(path)
    assert f"bad.csv, row {index + 1} (the header is row 1): {reason}" in str(error.value)
    assert "\n" not in str(error.value)


def test_errors_of_a_whole_file_are_reported(
    csv_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FER_ZOO_DATA", raising=False)
    contents = {
        "empty.csv": ("", "the file is empty"),
        "header.csv": ("emotion,pixels,Usage\n", "no rows"),
        "two.csv": (f"emotion,pixels\n3,{FACE}\n", "usage is missing"),
        "one.csv": (
            f"emotion,pixels,Usage\n3,{FACE},Training\n",
            "no face of the split PublicTest or PrivateTest",
        ),
        "words.txt": ("some words\n", "no labeled faces recognized there. Looked for class folders"),
        "truncated.parquet": ("PAR1 and no more", "not a Parquet file"),
        "truncated.npz": ("PK\x03\x04 and no more", "not an .npz"),
    }
    for name, (content, reason) in contents.items():
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=reason) as error:
            read_fer2013(path)
        assert name in str(error.value)
    with pytest.raises(DataError, match=r"missing\.csv: no such file or folder"):
        read_fer2013(tmp_path / "missing.csv")
    with pytest.raises(DataError, match=r"No data given\. Get fer2013\.csv .* --data PATH .* FER_ZOO_DATA"):
        read_fer2013()
    with pytest.raises(DataError, match=r"contains several data sets \(fer2013\.csv, one\.csv"):
        (tmp_path / "copy").mkdir()
        for name in ("fer2013.csv", "one.csv"):
            (tmp_path / "copy" / name).write_bytes((tmp_path / name).read_bytes())
        read_fer2013(tmp_path / "copy")


@pytest.mark.parametrize("order", "<>")
def test_invalid_text_is_reported(order: str, tmp_path: Path) -> None:
    """NumPy reads any 32 bits as a character, which breaks Python's strings."""
    usage = np.array(["Training", "PrivateTest"]).astype(f"{order}U11")
    usage.view(f"{order}u4")[2] = sys.maxunicode + 1
    faces = np.zeros((2, 48, 48), np.uint8)
    np.savez(tmp_path / "faces.npz", pixels=faces, emotion=np.array([1, 2]), usage=usage)
    with pytest.raises(DataError, match=r"faces\.npz: not an \.npz .*invalid code point 1,114,112"):
        read_fer2013(tmp_path / "faces.npz")


def test_a_folder_without_labels_is_reported(tmp_path: Path) -> None:
    (tmp_path / "bare" / "train").mkdir(parents=True)
    with pytest.raises(
        DataError, match=r"bare: no labeled faces recognized there\. Looked for class folders"
    ):
        read_fer2013(tmp_path / "bare")


def test_a_class_without_a_training_face_is_reported(rows: Rows, tmp_path: Path) -> None:
    folder = write_folder(rows, tmp_path / "faces")
    shutil.rmtree(folder / "train" / "disgust")
    with pytest.warns(UserWarning, match=r"Training has no face of disgust\."):
        assert "no face of disgust" in read_fer2013(folder).note


def test_wrong_image_is_reported(rows: Rows, tmp_path: Path) -> None:
    folder = write_folder(rows, tmp_path / "faces")
    Image.new("L", (64, 48)).save(folder / "train" / "sad" / "Training_99.png")
    with pytest.raises(DataError, match=r"Training_99\.png: 64x48 pixels; every face must be 48x48"):
        read_fer2013(folder)
    (folder / "train" / "sad" / "Training_99.png").write_text("not an image", encoding="utf-8")
    with pytest.raises(DataError, match=r"Training_99\.png: not an image"):
        read_fer2013(folder)


def test_the_environment_variable_gives_the_path(csv_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_ZOO_DATA", str(csv_file.parent))
    assert_same(read_fer2013(), read_fer2013(csv_file))


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_an_image_folder_gives_the_pixels_that_predict_uses(mode: str, tmp_path: Path) -> None:
    """A data set's file and a user's file are converted by the same code to equal bytes."""
    from fer_zoo.utils.images import read_photo, whole_picture

    gray = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    image = (
        Image.fromarray(gray.astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(gray).convert(mode)
    )
    for part in ("train", "test"):
        (tmp_path / part / "happy").mkdir(parents=True)
        image.save(tmp_path / part / "happy" / "1.png")
    with pytest.warns(UserWarning, match="test"):
        faces = read_fer2013(tmp_path).training
    assert np.array_equal(faces.pixels[0, 0], gray)
    assert np.array_equal(
        faces.pixels[0, 0], whole_picture(read_photo(tmp_path / "train" / "happy" / "1.png"))
    )
