"""Labeled faces of one's own: folders, CSV and Parquet of any size, color and classes; splits; class maps."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from fer_zoo.data import own_faces
from fer_zoo.data.class_map import match_classes, read_class_map, restore_class_map
from fer_zoo.data.fer2013 import FER2013, read_faces
from fer_zoo.data.labels_and_splits import PUBLIC, TRAINING
from fer_zoo.data.stratified_split import digest_face, read_split, write_split
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, UnknownNameError
from fer_zoo.evaluation.model_data import align_classes
from fer_zoo.utils.images import read_photo, whole_picture

pytestmark = pytest.mark.filterwarnings("ignore:.*were drawn by class", "ignore:.*split as in the run's")
GENERATOR = np.random.default_rng(0)


def draw_picture(size: tuple[int, int] = (100, 120)) -> Image.Image:
    pixels = GENERATOR.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def write_classes(folder: Path, counts: dict[str, int], suffix: str = ".jpg") -> Path:
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            draw_picture().save(folder / name / f"{index}{suffix}")
    return folder


def count_labels(dataset: FER2013, split: str) -> dict[str, int]:
    return dict(Counter(dataset.classes[label] for label in dataset.split(split).labels))


def test_a_flat_folder_of_classes_is_split_by_class(tmp_path: Path) -> None:
    write_classes(tmp_path / "mine", {"yes": 20, "no": 10, "Maybe so": 3})
    told = r"mine: 4 PublicTest and 4 PrivateTest faces were drawn by class \(seed 0\), .* has no such split"
    with pytest.warns(UserWarning, match=told):
        dataset = read_faces(tmp_path / "mine")
    assert dataset.classes == ("Maybe so", "no", "yes") and dataset.split_seed == 0
    assert count_labels(dataset, "train") == {"yes": 16, "no": 8, "Maybe so": 1}
    assert count_labels(dataset, "public") == count_labels(dataset, "private")
    assert len(dataset.split("all")) == 33
    faces = dataset.training
    assert faces.names[0] == "Maybe so/0.jpg" or faces.names[0].startswith("Maybe so/")
    for index in (0, len(faces) - 1):
        assert np.array_equal(
            faces.pixels[index, 0], whole_picture(read_photo(tmp_path / "mine" / faces.names[index]))
        )
        assert faces.names[index].startswith(dataset.classes[faces.labels[index]])


def test_the_split_depends_on_pixels_and_seed_alone(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "mine", {"a": 12, "b": 12}, ".png")
    shutil.copyfile(folder / "a" / "3.png", folder / "a" / "copy of 3.png")
    first, other = read_faces(folder), read_faces(folder, seed=1)
    for file in list((folder / "a").iterdir()):
        file.rename(file.with_name(f"new {file.name}"))
    again = read_faces(folder)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    for split in ("train", "public", "private"):
        digests = [digest_face(face) for face in first.split(split).pixels]
        assert set(digests) == {digest_face(face) for face in again.split(split).pixels}
        copies = digests.count(digest_face(whole_picture(read_photo(folder / "a" / "new 3.png"))))
        assert copies in (0, 2), "equal faces stay together"


def test_a_split_of_the_data_is_kept_and_a_missing_one_drawn(tmp_path: Path) -> None:
    write_classes(tmp_path / "mine" / "Train", {"Yes": 10, "no": 10}, ".webp")
    write_classes(tmp_path / "mine" / "test", {"yes": 2, "no": 4})
    dataset = read_faces(tmp_path)  # one level down
    assert dataset.classes == ("Yes", "no")
    assert [len(dataset.split(name)) for name in ("train", "public", "private")] == [18, 2, 6]
    write_classes(tmp_path / "mine" / "validation", {"yes": 3, "no": 1})
    dataset = read_faces(tmp_path / "mine")
    assert [len(dataset.split(name)) for name in ("train", "public", "private")] == [20, 4, 6]
    assert dataset.split_seed is None and not dataset.note


def test_a_run_s_split_is_read_back_and_new_faces_are_private(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "mine", {"a": 10, "b": 10})
    first = read_faces(folder, seed=5)
    parts = {TRAINING: first.training, PUBLIC: first.public_test}
    write_split(tmp_path / "split.csv", {code: (part.pixels, part.names) for code, part in parts.items()})
    kept = read_split(tmp_path / "split.csv")
    draw_picture().save(folder / "a" / "new.png")
    again = read_faces(folder, kept_split=kept)
    assert sorted(again.training.names) == sorted(first.training.names)
    assert sorted(again.public_test.names) == sorted(first.public_test.names)
    assert sorted(again.private_test.names) == sorted([*first.private_test.names, "a/new.png"])
    (tmp_path / "split.csv").write_text("file,usage\nx,Training\n")
    with pytest.raises(DataError, match=r"split\.csv: not a run's split\.csv"):
        read_split(tmp_path / "split.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_lists_pictures(delimiter: str, tmp_path: Path) -> None:
    write_classes(tmp_path / "pictures", {"x": 5})
    rows = [("path", "label", "split"), *((f"pictures/x/{i}.jpg", f"{i % 2}", "train") for i in range(4))]
    rows.append((str(tmp_path / "pictures/x/4.jpg"), "1", "val"))
    (tmp_path / "faces.csv").write_text("\n".join(delimiter.join(row) for row in rows))
    for path in (tmp_path / "faces.csv", tmp_path):
        dataset = read_faces(path)
        assert dataset.classes == ("0", "1") and sorted(dataset.training.labels) == [0, 1]
    (tmp_path / "faces.csv").write_text(f"path{delimiter}label\npictures/x/0.jpg{delimiter}\n")
    with pytest.raises(DataError, match=r"faces\.csv, line 2: no path or no label"):
        read_faces(tmp_path / "faces.csv")


def test_parquet_with_other_classes_sizes_or_without_a_split(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "pictures", {"a": 12})
    files = sorted((folder / "a").iterdir())
    encoded = {"image": [{"bytes": file.read_bytes(), "path": None} for file in files]}
    labels = {"label": [("calm", "tense")[index % 2] for index in range(12)]}
    parquet.write_table(pyarrow.table({**encoded, **labels}), tmp_path / "faces.parquet")
    dataset = read_faces(tmp_path / "faces.parquet")
    assert dataset.classes == ("calm", "tense") and len(dataset.split("all")) == 12
    assert np.array_equal(
        dataset.training.pixels[0, 0],
        whole_picture(read_photo(files[int(dataset.training.names[0].split()[-1]) - 1])),
    )
    (capitals := tmp_path / "capitals").mkdir()
    shutil.copy(tmp_path / "faces.parquet", capitals / "FACES.PARQUET")
    assert read_faces(capitals).fingerprint == dataset.fingerprint
    paths = {"path": [f"pictures/a/{file.name}" for file in files]}
    parquet.write_table(pyarrow.table({**paths, **labels}), tmp_path / "paths.parquet")
    assert read_faces(tmp_path / "paths.parquet").fingerprint == dataset.fingerprint


def test_seven_emotions_are_fer2013s_in_any_spelling(tmp_path: Path) -> None:
    words = ("Anger", "disgusted", "Fearful", "happiness", "sadness", "surprised", "neutral")
    dataset = read_faces(write_classes(tmp_path / "mine", dict.fromkeys(words, 4)))
    assert dataset.classes == EMOTIONS
    assert all(
        words[label] == name.split("/")[0]
        for label, name in zip(dataset.training.labels, dataset.training.names, strict=True)
    )


def test_digits_of_large_pictures_are_not_fer2013s_labels(tmp_path: Path) -> None:
    """AffectNet's 0 is neutral and FER2013's is angry: numbers mean nothing without a map."""
    for split in ("train", "test"):
        write_classes(tmp_path / "mine" / split, dict.fromkeys("0123456", 4))
    assert read_faces(tmp_path / "mine").classes == tuple("0123456")


def test_a_picture_of_48_pixels_among_others_makes_no_fer2013(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_classes(tmp_path / split, dict.fromkeys(EMOTIONS, 2), ".png")
    draw_picture((48, 48)).save(tmp_path / "train" / "angry" / "0.png")
    dataset = read_faces(tmp_path)
    assert dataset.classes == EMOTIONS and len(dataset.split("all")) == 28


def test_broken_pictures_are_named_and_left_out(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "mine", {"a": 4, "b": 4})
    (folder / "a" / "0.jpg").write_text("no picture")
    (folder / "b" / "1.jpg").write_bytes((folder / "b" / "1.jpg").read_bytes()[:300])
    with pytest.warns(
        UserWarning, match=r"2 of 8 pictures cannot be read: a/0\.jpg \(.*; b/1\.jpg .*left out"
    ):
        assert len(read_faces(folder).split("all")) == 6
    for file in folder.rglob("*.jpg"):
        file.write_text("no picture")
    with pytest.raises(DataError, match=r"8 of 8 pictures cannot be read: .*and 5 more\. Check the files"):
        read_faces(folder)


def test_photos_are_sent_to_the_cropper(tmp_path: Path) -> None:
    (tmp_path / "mine" / "a").mkdir(parents=True)
    (tmp_path / "mine" / "b").mkdir()
    for name in ("a", "b"):
        draw_picture((own_faces.MAX_CROP_SIDE + 40, own_faces.MAX_CROP_SIDE + 400)).save(
            tmp_path / "mine" / name / "1.jpg"
        )
    with pytest.raises(DataError, match=r"photos, with 640 pixels .* Run fer-zoo data crop .*mine OUT first"):
        read_faces(tmp_path / "mine")


def test_classes_are_merged_renamed_and_dropped(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "mine", {"angry": 10, "disgust": 10, "happy": 10, "other": 5})
    (tmp_path / "map.toml").write_text('angry = "negative"\ndisgust = "negative"\ndrop = ["other"]\n')
    by_options = read_class_map(["angry, disgust=negative"], ["other"])
    assert by_options == read_class_map(file=tmp_path / "map.toml")
    with pytest.warns(UserWarning, match=r"5 faces of dropped classes are left out"):
        dataset = read_faces(folder, class_map=by_options)
    assert dataset.classes == ("happy", "negative")
    assert count_labels(dataset, "all") == {"happy": 10, "negative": 20}
    assert restore_class_map(by_options.describe()).renamed == by_options.renamed
    with pytest.raises(UnknownNameError, match=r"Unknown class of .*'hapy'\. Did you mean 'happy'"):
        read_faces(folder, class_map=read_class_map(["hapy=joy"]))
    for merge, reason in (("angry", "allowed is OLD,OLD=NEW"), ("a,a=b", "'a' is given twice")):
        with pytest.raises(DataError, match=reason):
            read_class_map([merge])
    names = ["anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
    eight = write_classes(tmp_path / "eight", dict.fromkeys(names, 3))
    with pytest.warns(UserWarning, match="dropped classes"):  # the seven are left, in another spelling
        seven = read_faces(eight, class_map=read_class_map(drop=["contempt"]))
    assert seven.classes == EMOTIONS and count_labels(seven, "all") == dict.fromkeys(EMOTIONS, 3)
    (tmp_path / "map.toml").write_text("angry = 3\n")
    with pytest.raises(DataError, match=r"map\.toml' has something else than lines such as"):
        read_class_map(file=tmp_path / "map.toml")


def test_a_class_with_an_impossible_name_can_be_renamed(tmp_path: Path) -> None:
    decomposed = "alegri\u0301a"  # as macOS stores it
    folder = write_classes(tmp_path / "mine", {"no!": 10, decomposed: 10})
    with pytest.raises(DataError, match=r"the class 'no!'; allowed are .* Rename it, with --classes FILE"):
        read_faces(folder)
    (tmp_path / "map.toml").write_text('"no!" = "no"\n', encoding="utf-8-sig")  # as Windows' editors write it
    dataset = read_faces(folder, class_map=read_class_map(file=tmp_path / "map.toml"))
    assert dataset.classes == ("alegr\u00eda", "no")


def test_fer2013_can_be_merged_too(csv_file: Path) -> None:
    whole = read_faces(csv_file)
    with pytest.warns(UserWarning, match="dropped classes"):
        dataset = read_faces(csv_file, class_map=read_class_map(["angry,disgust=negative"], ["fear"]))
    assert dataset.classes == ("happy", "negative", "neutral", "sad", "surprise")
    kept = whole.private_test.labels != EMOTIONS.index("fear")
    assert np.array_equal(dataset.private_test.pixels, whole.private_test.pixels[kept])


def test_classes_of_data_are_matched_to_those_of_a_model(tmp_path: Path) -> None:
    assert match_classes(("Happiness", "contempt", "anger"), EMOTIONS) == {0: 3, 2: 0}
    assert match_classes(("3",), EMOTIONS) == {}
    folder = write_classes(tmp_path / "mine", {"Happiness": 10, "contempt": 6, "Anger": 10})
    dataset, left_out = align_classes(read_faces(folder), EMOTIONS)
    assert dataset.classes == EMOTIONS and left_out == {"contempt": 6}
    assert count_labels(dataset, "all") == {"happy": 10, "angry": 10}
    with pytest.raises(
        DataError, match=r"have no counterpart among the model's \(cat, dog\): give --classes"
    ):
        align_classes(dataset, ("cat", "dog"))


def test_many_pictures_are_decoded_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_classes(tmp_path / "mine", {"a": 6, "b": 6})
    (folder / "a" / "0.jpg").write_text("no picture")
    decoded, decode = [], own_faces.whole_picture
    monkeypatch.setattr(own_faces, "whole_picture", lambda photo: (decoded.append(1), decode(photo))[1])
    monkeypatch.setattr(own_faces, "MIN_CACHED", 5)
    with pytest.warns(UserWarning, match="1 of 12 pictures cannot be read: a/0"):
        first = read_faces(folder)
    with pytest.warns(UserWarning, match="1 of 12 pictures cannot be read: a/0"):
        assert read_faces(folder).fingerprint == first.fingerprint
    assert len(decoded) == 11
    (cached,) = cache.glob("faces-*.npz")
    cached.write_bytes(cached.read_bytes()[:2000])
    draw_picture().save(folder / "a" / "0.jpg")
    assert len(read_faces(folder).split("all")) == 12 and len(decoded) == 23
    monkeypatch.setattr("fer_zoo.data.cache.LAYOUT", 1000)  # of a later version
    assert len(read_faces(folder).split("all")) == 12 and len(decoded) == 35


def test_pictures_are_decoded_once_where_a_broken_one_is_listed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_classes(tmp_path / "pictures", {"x": 6})
    (tmp_path / "pictures/x/0.jpg").write_text("no picture")
    rows = [f"pictures/x/{index}.jpg,{index % 2}" for index in (0, 1, 2, 3, 4, 5, 0)]
    (tmp_path / "faces.csv").write_text("\n".join(["path,label", *rows]))
    decoded, decode = [], own_faces.whole_picture
    monkeypatch.setattr(own_faces, "whole_picture", lambda photo: (decoded.append(1), decode(photo))[1])
    monkeypatch.setattr(own_faces, "MIN_CACHED", 5)
    for _ in range(2):
        with pytest.warns(UserWarning, match="2 of 7 pictures cannot be read: pictures/x/0"):
            assert len(read_faces(tmp_path / "faces.csv").split("all")) == 5
    assert len(decoded) == 5
