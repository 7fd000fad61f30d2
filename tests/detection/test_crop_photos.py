"""Photos in class folders become face crops in the same folders, with a table; a second run continues."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fer_zoo
from fer_zoo.cli.main import main
from fer_zoo.detection import crop_photos as module
from fer_zoo.detection.detector import crop_face, find_faces
from fer_zoo.errors import FerZooError
from fer_zoo.utils.images import read_photo


@pytest.fixture(scope="module")
def album(tmp_path_factory, portrait: Image.Image, group: Image.Image, no_face: Image.Image) -> Path:
    """Two classes: one face, sideways, three faces, none, broken, a face crop, the same stem twice."""
    folder = tmp_path_factory.mktemp("album")
    for name in ("calm", "other"):
        (folder / name).mkdir()
    portrait.save(folder / "calm/one.jpg")
    portrait.save(folder / "calm/one.png")
    portrait.rotate(90, expand=True).save(folder / "calm/sideways.JPG")
    group.save(folder / "other/three.png")
    no_face.save(folder / "other/none.png")
    (folder / "other/broken.jpg").write_bytes(b"\xff\xd8\xff damaged")
    Image.fromarray(np.full((48, 48), 90, dtype=np.uint8)).save(folder / "other/crop.png")
    (folder / "other/._three.png").write_bytes(b"of macOS")
    (folder / "other/notes.txt").write_text("not a photo")
    (folder / "other/phone.HEIC").write_bytes(b"not decoded")
    return folder


def read_table(out: Path) -> list[dict[str, str]]:
    with (out / "crops.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_crops_stand_in_the_same_folders(album: Path, tmp_path: Path, portrait: Image.Image) -> None:
    out = tmp_path / "faces"
    steps: list[tuple[int, int]] = []
    summary = fer_zoo.crop_photos(album, out, progress=lambda done, total: steps.append((done, total)))
    names = {path.relative_to(out).as_posix() for path in out.rglob("*.png")}
    assert names == {
        "calm/one.png",
        "calm/one-png.png",
        "calm/sideways.png",
        "other/three.png",
        "other/crop.png",
    }
    assert steps == [(count, 7) for count in range(1, 8)]
    assert (summary.photos, summary.faces, summary.already_there) == (7, 5, 0)
    assert (summary.no_face, summary.several_faces) == (["other/none.png"], ["other/three.png"])
    assert list(summary.broken) == ["other/broken.jpg"] and summary.unreadable == {".heic": 1}
    with Image.open(out / "calm/one-png.png") as crop:
        assert (crop.mode, crop.size) == ("L", (48, 48))
        np.testing.assert_array_equal(np.asarray(crop), crop_face(portrait, find_faces(portrait)[0]))
    with Image.open(out / "other/crop.png") as crop:  # a face crop is not cropped again
        assert np.asarray(crop).min() == np.asarray(crop).max() == 90


def test_the_table_says_where_each_crop_is_from(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces"
    fer_zoo.crop_photos(album, out, faces="all")
    rows = read_table(out)
    by_source = {
        name: [row for row in rows if row["source"] == name] for name in {row["source"] for row in rows}
    }
    upright, sideways = by_source["calm/one.jpg"][0], by_source["calm/sideways.JPG"][0]
    assert abs(float(upright["angle"])) < 15 and abs(float(sideways["angle"]) + 90) < 15
    assert float(upright["score"]) > 0.9
    x, y, width, height = (int(upright[name]) for name in ("x", "y", "width", "height"))
    assert x < 265 < x + width and y < 215 < y + height
    three = by_source["other/three.png"]
    assert [row["file"] for row in three] == ["other/three.png", "other/three-2.png", "other/three-3.png"]
    assert {row["faces"] for row in three} == {"3"} and all((out / row["file"]).is_file() for row in three)
    assert [row["status"] for row in by_source["other/none.png"]] == ["no face"]
    (broken,) = by_source["other/broken.jpg"]
    assert not broken["file"] and broken["status"] not in ("", "cropped", "no face")


def test_the_size_of_a_crop_is_chosen(album: Path, tmp_path: Path) -> None:
    fer_zoo.crop_photos(album, tmp_path / "large", size=112)
    sizes = {read_photo(path).size for path in (tmp_path / "large").rglob("*.png")}
    assert sizes == {(112, 112)}
    with pytest.raises(FerZooError, match="crops of 112 pixels, not of 48"):
        fer_zoo.crop_photos(album, tmp_path / "large")


def test_a_second_run_continues(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, out = tmp_path / "photos", tmp_path / "faces"
    shutil.copytree(album, photos)
    whole = fer_zoo.crop_photos(photos, out)
    expected = read_table(out)
    text = (out / "crops.csv").read_text(encoding="utf-8")
    (out / "crops.csv").write_text(text[: text.index("sideways.JPG") + 20], encoding="utf-8")  # killed there
    (out / "calm/one.png").unlink()
    searched: list[str] = []
    search = module.find_upright_faces
    monkeypatch.setattr(module, "find_upright_faces", lambda image: searched.append("") or search(image))
    again = fer_zoo.crop_photos(photos, out)
    assert again.already_there == 1 and len(searched) == 4  # one.jpg, sideways, none, three
    assert (again.faces, again.no_face, again.broken) == (whole.faces, whole.no_face, whole.broken)
    assert sorted(map(str, read_table(out))) == sorted(map(str, expected))
    searched.clear()
    Image.new("RGB", (200, 200)).save(photos / "other/broken.jpg")  # repaired: the only one tried again
    assert fer_zoo.crop_photos(photos, out).broken == {} and len(searched) == 1
    searched.clear()
    assert fer_zoo.crop_photos(photos, out, faces="all").faces == whole.faces + 2 and len(searched) == 1


def test_all_faces_are_not_followed_by_the_largest_alone(album: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "faces"
    fer_zoo.crop_photos(album, out, faces="all")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit):
        main(["data", "crop", str(album), str(out)])
    error = capsys.readouterr().err
    assert "holds 3 crops of 'other/three.png', not 1: give another folder" in error
    assert error.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    assert fer_zoo.crop_photos(album, out, faces="all").already_there == 6


def test_the_command_sums_up_in_one_line(album: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "faces"
    main(["data", "crop", str(album), str(out)])
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"7 photos: 5 faces in {out}, 1 with several faces (the largest taken), 1 without a face, "
        "1 cannot be read. crops.csv lists them. Not read: 1 .heic; save them as JPEG.",
        f"Next: fer-zoo train --arch resnet_48 --data {out} --pretrained resnet_48",
    ]
    assert "other/broken.jpg: " in printed.err and "no face found in other/none.png" in printed.err
    main(["data", "crop", str(album), str(out), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (result["photos"], result["faces"], result["already_there"]) == (7, 5, 6)


def test_what_is_not_ours_is_left_alone(album: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("important")
    for photos, out, words in (
        (album, tmp_path / "mine", "holds other files"),
        (album, album, "holds other files"),
        (tmp_path / "mine", tmp_path / "new", "no picture in this folder"),
        (tmp_path / "absent", tmp_path / "new", "no such folder"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["data", "crop", str(photos), str(out)])
        error = capsys.readouterr().err
        assert stop.value.code == 2 and words in error and error.count("\n") == 1
    assert not (tmp_path / "new").exists()
