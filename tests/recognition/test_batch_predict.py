"""Batch prediction of hundreds of small pictures, some broken: each is scored once, and jobs resume."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

import fer_zoo.recognition.batch as batch
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.hub import load
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.cli.main import main
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, ImageError
from fer_zoo.recognition.batch_sources import ParquetPictures, list_pictures

COUNT, BROKEN = 210, {17, 105}
HAPPY = f"cnn-baseline.{EMOTIONS[3]}"


def encode(number: int) -> bytes:
    """A PNG of noise, 48x48; for some numbers broken."""
    if number in BROKEN:
        return b"not a picture"
    buffer = io.BytesIO()
    noise = np.random.default_rng(number).integers(0, 256, (48, 48), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("pictures")
    for number in range(COUNT):
        inner = top / f"folder{number % 3}"
        inner.mkdir(exist_ok=True)
        (inner / f"{number:04d}.png").write_bytes(encode(number))
    (top / "notes.txt").write_text("not a picture")
    return top


@pytest.fixture(scope="module")
def rows_file(tmp_path_factory) -> Path:
    """The same pictures in a Parquet file with row groups of 50, as the library datasets writes them."""
    path = tmp_path_factory.mktemp("rows") / "pictures.parquet"
    images = [{"bytes": encode(number), "path": None} for number in range(COUNT)]
    images[3]["bytes"] = None
    parquet.write_table(pyarrow.table({"label": range(COUNT), "image": images}), path, row_group_size=50)
    return path


def read_parts(out: Path) -> list[dict]:
    return [
        row for path in sorted(out.glob("part-*.parquet")) for row in parquet.read_table(path).to_pylist()
    ]


def test_every_picture_of_a_folder_is_scored_once(folder, tmp_path) -> None:
    summary = batch.predict_into([str(folder)], tmp_path, whole=True, part_size=100)
    assert (summary.pictures, summary.faces, summary.broken, summary.parts) == (COUNT, COUNT - 2, 2, 3)
    rows = read_parts(tmp_path)
    assert [row["image"] for row in rows] == [str(p) for p in sorted(folder.rglob("*.png"))]
    broken = [row for row in rows if row["error"]]
    assert {int(Path(row["image"]).stem) for row in broken} == BROKEN
    assert all(row["face"] is None and row[HAPPY] is None for row in broken)
    expected = load("cnn-baseline").predict(rows[7]["image"])
    assert [rows[7][f"cnn-baseline.{e}"] for e in EMOTIONS] == pytest.approx(
        list(expected.values()), abs=1e-5
    )
    assert (rows[7]["x"], rows[7]["width"], rows[7]["face"]) == (0, 48, 0)


def test_a_stopped_job_resumes_and_leaves_finished_parts_alone(rows_file, tmp_path, monkeypatch) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    batch.predict_into([str(rows_file)], whole, whole=True, part_size=80)
    write_part = batch._write_part

    def stop_at_second(path: Path, *arguments) -> None:
        if path.name == "part-00001.parquet":
            raise KeyboardInterrupt
        write_part(path, *arguments)

    monkeypatch.setattr(batch, "_write_part", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        batch.predict_into([str(rows_file)], stopped, whole=True, part_size=80)
    monkeypatch.undo()
    written = (stopped / "part-00000.parquet").stat().st_mtime_ns
    summary = batch.predict_into([str(rows_file)], stopped, whole=True, part_size=80)
    assert (summary.skipped, summary.parts, summary.pictures) == (1, 2, COUNT - 80)
    assert (stopped / "part-00000.parquet").stat().st_mtime_ns == written
    assert read_parts(stopped) == read_parts(whole) and len(read_parts(whole)) == COUNT
    assert sorted(path.name for path in stopped.iterdir())[0] == "job.json" and len([*stopped.iterdir()]) == 4
    errors = {row["image"].rsplit("#")[1] for row in read_parts(whole) if row["error"]}
    assert errors == {"3", "17", "105"}


def test_parts_are_sharded_over_processes(rows_file, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    names = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        before = set(tmp_path.glob("part-*"))
        batch.predict_into([str(rows_file)], tmp_path, whole=True, part_size=80)
        names.append(sorted(path.name for path in set(tmp_path.glob("part-*")) - before))
    assert names == [["part-00000.parquet", "part-00002.parquet"], ["part-00001.parquet"]]
    assert [row["image"] for row in read_parts(tmp_path)] == [f"{rows_file}#{n}" for n in range(COUNT)]


def test_another_job_or_other_pictures_are_refused(folder, tmp_path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for number in range(2):
        (few / f"{number}.png").write_bytes(encode(number))
    batch.predict_into([str(few)], tmp_path / "out", whole=True)
    with pytest.raises(DataError, match="whole"):
        batch.predict_into([str(few)], tmp_path / "out")
    (few / "0.png").unlink()
    with pytest.raises(DataError, match=r"1\.png"):
        batch.predict_into([str(few)], tmp_path / "out", whole=True)


def test_a_job_that_cannot_begin_leaves_the_folder_free(folder, tmp_path) -> None:
    (tmp_path / "no.parquet").write_text("not a parquet file")
    with pytest.raises(DataError, match="not a Parquet file"):
        batch.predict_into([str(tmp_path / "no.parquet")], tmp_path / "out", whole=True)
    batch.predict_into([str(folder / "folder0")], tmp_path / "out", whole=True)
    assert len(read_parts(tmp_path / "out")) == COUNT // 3


def test_other_weights_of_the_same_name_do_not_resume_a_job(folder, tmp_path) -> None:
    few, one = [str(folder / "folder0" / "0000.png")], str(tmp_path / "one")
    for name in ("one", "two"):
        save_artifact(tmp_path / name, create_model("cnn-baseline"), {})
    batch.predict_into(few, tmp_path / "out", [one])
    with pytest.raises(DataError, match="weights differ"):
        batch.predict_into(few, tmp_path / "out", [str(tmp_path / "two")])
    job = json.loads((tmp_path / "out" / "job.json").read_text())
    del job["weights"]  # as earlier releases wrote it
    (tmp_path / "out" / "job.json").write_text(json.dumps(job))
    assert batch.predict_into(few, tmp_path / "out", [one]).skipped == 1


def test_skipped_rows_are_not_read(rows_file) -> None:
    rows = ParquetPictures(rows_file)
    assert len(rows) == COUNT and rows.fetch(120) == encode(120) and rows.fetch(209) == encode(209)
    with pytest.raises(ImageError, match="#3"):
        ParquetPictures(rows_file).fetch(3)


def test_an_unusable_parquet_file_is_refused(tmp_path) -> None:
    (tmp_path / "no.parquet").write_text("not a parquet file")
    with pytest.raises(DataError, match="not a Parquet file"):
        list(list_pictures([str(tmp_path)]))
    parquet.write_table(pyarrow.table({"label": [1]}), tmp_path / "no.parquet")
    with pytest.raises(DataError, match="columns are label"):
        list(list_pictures([str(tmp_path / "no.parquet")]))


def test_a_parquet_file_whose_name_is_in_capitals_is_read(rows_file, tmp_path) -> None:
    path = Path(shutil.copy(rows_file, tmp_path / "PICTURES.PARQUET"))
    for given in (tmp_path, path):
        assert [one.name for one in list_pictures([str(given)])] == [f"{path}#{row}" for row in range(COUNT)]


def test_damaged_rows_of_a_parquet_file_have_an_error_and_the_others_are_scored(rows_file, tmp_path) -> None:
    damaged = bytearray(rows_file.read_bytes())
    chunk = parquet.ParquetFile(rows_file).metadata.row_group(1).column(1)  # rows 50 to 99, the bytes
    damaged[chunk.dictionary_page_offset or chunk.data_page_offset] ^= 0xFF
    path = tmp_path / "damaged.parquet"
    path.write_bytes(damaged)
    summary = batch.predict_into([str(path)], tmp_path / "out", whole=True)
    assert (summary.pictures, summary.faces) == (COUNT, COUNT - 50 - 3)  # and rows 3, 17 and 105
    errors = [row["error"] for row in read_parts(tmp_path / "out")][50:100]
    assert all("cannot be read" in error and "#" in error for error in errors)


def test_a_parquet_file_that_claims_impossible_rows_is_refused(monkeypatch, rows_file) -> None:
    monkeypatch.setattr("fer_zoo.recognition.batch_sources.MAX_ROWS", 49)
    with pytest.raises(DataError, match="row group has 50 rows; allowed are 0 to 49"):
        ParquetPictures(rows_file)


def test_the_command_prints_a_summary(capsys, tmp_path) -> None:
    Image.new("RGB", (64, 64), "white").save(tmp_path / "empty.png")
    main(["predict", str(tmp_path), "--out", str(tmp_path / "out"), "--json"])
    summary = json.loads(capsys.readouterr().out)
    assert (summary["pictures"], summary["without_face"], summary["parts"]) == (1, 1, 1)
    main(["predict", str(tmp_path), "--out", str(tmp_path / "out")])
    assert "1 part already there" in capsys.readouterr().out


def test_the_folder_of_pictures_may_also_be_the_folder_of_parts(tmp_path, monkeypatch) -> None:
    """The job's own parts are skipped; other Parquet files are read."""
    for number in (1, 2):
        (tmp_path / f"{number}.png").write_bytes(encode(number))
    parquet.write_table(pyarrow.table({"image": [encode(4)]}), tmp_path / "more.parquet")
    first = batch.predict_into([str(tmp_path)], tmp_path, whole=True)
    again = batch.predict_into([str(tmp_path)], tmp_path, whole=True)
    assert (first.pictures, first.parts, again.skipped, again.pictures) == (3, 1, 1, 0)
    monkeypatch.chdir(tmp_path)
    names = [picture.name for picture in list_pictures(["*.parquet", "."], Path())]
    assert names == ["more.parquet#0", "1.png", "2.png", "more.parquet#0"]


def write_repeated(path: Path, value: bytes, rows: int) -> Path:
    """One value in many rows, which a dictionary compresses."""
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows), pyarrow.array([value]))
    table = pyarrow.table({"image": column})
    parquet.write_table(table, path, compression="zstd", dictionary_pagesize_limit=1 << 30)
    return path


def test_a_picture_repeated_by_a_dictionary_does_not_fill_the_memory(tmp_path) -> None:
    path = write_repeated(tmp_path / "bomb.parquet", bytes(60_000_000), 64)
    assert path.stat().st_size < 10_000
    before = pyarrow.total_allocated_bytes()
    rows = ParquetPictures(path)
    peak = 0
    for row in range(0, 64, 16):
        assert len(rows.fetch(row)) == 60_000_000
        peak = max(peak, pyarrow.total_allocated_bytes() - before)
    assert peak < 600_000_000  # 64 rows at once take 3.8 GB


def test_a_row_group_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch) -> None:
    path = tmp_path / "bomb.parquet"
    parquet.write_table(
        pyarrow.table({"image": [bytes(1_000_000)] * 3}), path, compression="zstd", use_dictionary=False
    )
    assert path.stat().st_size < 10_000 and len(ParquetPictures(path)) == 3
    monkeypatch.setattr("fer_zoo.recognition.batch_sources.MAX_BYTES", 2_000_000)
    with pytest.raises(DataError, match=r"pictures take 3,000,\d+ bytes unpacked; allowed are 2,000,000"):
        ParquetPictures(path)
