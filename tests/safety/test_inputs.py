"""Broken and hostile inputs: no crash but an error of ours, no hang, no memory filled by a small file."""

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safety import readers

from fer_zoo.data.image_readers import read_folder, read_npz
from fer_zoo.data.parquet_reader import read_parquet
from fer_zoo.errors import DataError, ImageError, RecipeError
from fer_zoo.recipes.recipe import load_recipe
from fer_zoo.utils.images import read_photo, whole_picture

QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
SEEDS = {name: list(readers.write_seeds(name)) for name in readers.READERS}


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """A good input with some pieces exchanged, cut out or doubled."""
    content = bytearray(draw(st.sampled_from(SEEDS[name])))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from([0, 1, 4, 100, 10_000])))
        piece = content[start:end] * 2 if draw(st.booleans()) else draw(st.binary(max_size=12))
        content[start:end] = piece
    return bytes(content)


@pytest.mark.parametrize("name", list(readers.READERS))
@QUICK
@given(data=st.data())
def test_a_reader_raises_nothing_but_our_errors(
    name: str, data: st.DataObject, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("FER_ZOO_CACHE", "/proc/none")
    path = tmp_path / readers.READERS[name][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        readers.check(name, path, data.draw(mutated(name)))


def test_good_inputs_are_read(tmp_path: Path) -> None:
    """So that the test above does not pass by refusing everything."""
    for name in ("csv", "npz", "parquet", "weights", "config", "recipe", "folder", "image", "video"):
        path = tmp_path / name / readers.READERS[name][0]
        path.parent.mkdir(parents=True)
        path.write_bytes(SEEDS[name][-1 if name == "csv" else 0])
        readers.READERS[name][1](path)


@pytest.mark.parametrize("place", range(len(SEEDS["image"])))
def test_every_form_and_mode_that_pillow_writes_is_read_as_48_by_48(place: int) -> None:
    encoded = SEEDS["image"][place]
    if Image.open(io.BytesIO(encoded)).format == "PPM":
        with pytest.raises(ImageError, match="not a picture in a supported format"):
            whole_picture(read_photo(encoded))
        return
    try:
        assert whole_picture(read_photo(encoded)).shape == (48, 48)
    except ImageError as error:
        assert "no agreed white" in str(error)  # floating point outside 0-1


def make_png(width: int, height: int) -> bytes:
    """A PNG that only says how large it is."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "encoded",
    [make_png(30_000, 30_000), make_png(2**31 - 1, 2**31 - 1), make_png(1, 1), make_png(0, 0), b"\0" * 5000],
    ids=["bomb", "largest", "1x1", "0x0", "zeros"],
)
def test_a_picture_outside_the_bounds_is_refused_before_it_is_unpacked(encoded: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(ImageError):
        read_photo(encoded)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_picture_that_pillow_would_hand_to_another_program_is_refused(tmp_path: Path) -> None:
    """An EPS of 48x48 pixels by the name of a PNG: Pillow alone would start Ghostscript for it."""
    path = tmp_path / "train" / "happy" / "1.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 48\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match="not an image that can be read"):
        read_folder(tmp_path)
    path.unlink()
    os.mkfifo(path)  # would be waited for, forever
    with pytest.raises(DataError, match="contain no image"):
        read_folder(tmp_path)


def test_archives_that_unpack_to_far_more_are_refused(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "train.parquet"
    rows = {name: pyarrow.nulls(300_000, pyarrow.binary()) for name in ("image", "label")}
    parquet.write_table(pyarrow.table(rows), path)
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match="300,000 rows"):
        read_parquet([path])
    bomb = zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with bomb, bomb.open("pixels.npy", "w", force_zip64=True) as entry:
        for _ in range(101):
            entry.write(bytes(10_000_000))
    with pytest.raises(DataError, match="bytes unpacked"):
        read_npz(tmp_path / "bomb.npz")


def test_a_face_repeated_by_a_dictionary_does_not_fill_the_memory(tmp_path: Path, monkeypatch: Any) -> None:
    """100 rows of a million bytes in a file of 3 kilobytes: read in rows that fit, and row 1 is no face."""
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "train.parquet"
    image = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 100), pyarrow.array([bytes(1_000_000)]))
    table = pyarrow.table({"image": image, "label": [1] * 100})
    parquet.write_table(table, path, compression="zstd", dictionary_pagesize_limit=1 << 30)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr("fer_zoo.data.parquet_reader.MAX_BATCH_BYTES", 5_000_000)
    usual = pyarrow.default_memory_pool()
    pool = pyarrow.proxy_memory_pool(usual)
    pyarrow.set_memory_pool(pool)
    try:
        with pytest.raises(DataError, match="row 1: not an image"):
            read_parquet([path])
    finally:
        pyarrow.set_memory_pool(usual)
    assert pool.max_memory() < 20_000_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 100_000, "cannot be read"),
        ("learning_rate = inf", "allowed is a number"),
        ("epochs = 1" + "0" * 400, "allowed is a whole number"),
        ("distill.teachers = 1.5", "allowed is a list"),
    ],
)
def test_a_recipe_out_of_bounds_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(RecipeError, match=words):
        load_recipe(tmp_path / "wrong.toml")


def test_a_setting_below_a_plain_one_is_one_line() -> None:
    with pytest.raises(RecipeError, match="is one value"):
        load_recipe("tutorial", ["epochs.more=3"])


def test_importing_warns_of_nothing() -> None:
    code = "import fer_zoo; [getattr(fer_zoo, name) for name in fer_zoo.__all__]"
    subprocess.run([sys.executable, "-W", "error:::fer_zoo", "-c", code], check=True)


def test_what_the_fuzzer_found_stays_found(tmp_path: Path) -> None:
    """A zip of a version that nobody reads, a Parquet split that is no text, names full of zero bytes."""
    zipped, npz, parquet = (bytearray(SEEDS[name][0]) for name in ("zip", "npz", "parquet"))
    zipped[zipped.index(b"PK\x01\x02") + 6] = 255
    npz[npz.index(b"PK\x01\x02") + 46] = 0
    parquet[parquet.index(b"train") + 3] = 0x92
    for name, content in (("zip", zipped), ("npz", npz), ("parquet", parquet)):
        readers.check(name, tmp_path / readers.READERS[name][0], bytes(content))
    with pytest.raises(DataError, match="not a Parquet file that can be read"):
        read_parquet([tmp_path / "train.parquet"])
    with zipfile.ZipFile(tmp_path / "plain.npz", "w") as archive:
        for name in ("pixels", "emotion", "usage"):
            archive.writestr(f"{name}.npy", b"no array")
    with pytest.raises(DataError, match="an entry is not an array"):
        read_npz(tmp_path / "plain.npz")
