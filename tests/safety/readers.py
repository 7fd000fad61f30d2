"""Every reader of what comes from outside, the inputs it takes, and good ones to begin from."""

import contextlib
import io
import json
import os
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from fer_zoo import FerZooError
from fer_zoo.artifacts.artifact import read_config
from fer_zoo.data.csv_reader import read_csv
from fer_zoo.data.fer2013 import read_fer2013
from fer_zoo.data.image_readers import read_folder, read_npz
from fer_zoo.data.parquet_reader import read_parquet
from fer_zoo.errors import ImageError
from fer_zoo.recipes.recipe import FOLDER as RECIPES
from fer_zoo.recipes.recipe import load_recipe
from fer_zoo.recognition.batch_sources import list_pictures
from fer_zoo.recognition.video import follow_video
from fer_zoo.utils.images import FORMATS, read_photo, whole_picture
from fer_zoo.utils.tensors import read_tensors

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "space"))

from batch_tab import dropped_pictures  # noqa: E402 - found by the line above

Reader = Callable[[Path], object]


def read_zip(path: Path) -> None:
    """As the demo reads what is dropped on Many pictures."""
    os.environ["GRADIO_TEMP_DIR"] = str(path.parent)
    dropped_pictures.read_pictures([{"path": str(path), "orig_name": "pictures.zip"}], "en")


def read_array(path: Path) -> None:
    """An .npz whose archive is whole, so that what is wrong is inside: the input is one of its arrays."""
    encoded = path.read_bytes()
    arrays = make_arrays()
    replaced = encoded[0] % len(arrays) if encoded else 0
    with zipfile.ZipFile(path, "w") as archive:
        for place, (name, array) in enumerate(arrays.items()):
            written = io.BytesIO()
            np.save(written, array)
            content = encoded[1:] if place == replaced else written.getvalue()
            archive.writestr(f"{name}.npy", content)
    read_npz(path)


def read_names(path: Path) -> None:
    """A good picture; the input is its place in a data set, in bytes that need not be text."""
    parts = [part[:200] for part in path.read_bytes().replace(b"\0", b"").split(b"/")]
    names = [os.fsdecode(part) for part in parts if part.strip(b".")][:4] or ["train"]
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        picture = Path(folder, *names)
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(next(write_pictures()))
        read_fer2013(folder)


def read_rows(path: Path) -> None:
    """As predict --out reads the pictures of a Parquet file."""
    for picture in islice(list_pictures([str(path)]), 200):
        with contextlib.suppress(ImageError):
            picture.fetch()


class Blind:
    """A tracker that finds no faces: the frames alone are read."""

    def update(self, pixels: np.ndarray, seconds: float) -> list[object]:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and np.isfinite(seconds)
        return []

    def start_scene(self) -> None:
        pass


def read_video(path: Path) -> None:
    for _ in islice(follow_video(path, Blind(), per_second=1000), 500):
        pass


def make_arrays() -> dict[str, np.ndarray]:
    pixels = np.zeros((2, 48, 48), np.uint8)
    return {"pixels": pixels, "emotion": np.arange(2), "usage": np.array(["Training"] * 2)}


READERS: dict[str, tuple[str, Reader]] = {
    "csv": ("data.csv", read_csv),
    "parquet": ("train.parquet", lambda path: read_parquet([path])),
    "rows": ("pictures.parquet", read_rows),
    "npz": ("data.npz", read_npz),
    "data": ("data", read_fer2013),
    "array": ("data.npz", read_array),
    "names": ("name", read_names),
    "folder": ("train/happy/face.png", lambda path: read_folder(path.parents[2])),
    "image": ("photo", lambda path: whole_picture(read_photo(path))),
    "config": ("config.json", lambda path: read_config(path.parent)),
    "recipe": ("recipe.toml", load_recipe),
    "weights": ("model.safetensors", read_tensors),
    "zip": ("pictures.zip", read_zip),
    "video": ("clip.mp4", read_video),
}
NO_FAULT = (FerZooError, dropped_pictures.DropError)


def write_pictures() -> Iterator[bytes]:
    """A face in every form and mode that is read."""
    face = Image.fromarray(np.arange(48 * 48, dtype=np.uint32).reshape(48, 48).astype(np.uint8))
    Image.init()
    for form in (*FORMATS, "PPM"):
        for mode in ("L", "RGB", "RGBA", "CMYK", "P", "1", "I;16", "F"):
            written = io.BytesIO()
            try:
                face.convert(mode).save(written, form)
            except (OSError, ValueError, KeyError):
                continue  # not every form has every mode
            yield written.getvalue()


def write_seeds(name: str) -> Iterator[bytes]:
    """Good inputs to begin from."""
    generator = np.random.default_rng(0)
    row = " ".join(map(str, generator.integers(0, 256, 48 * 48)))
    table = "emotion,pixels,Usage\n" + "".join(f"{n},{row[:7000]},Training\n" for n in range(1))
    face = next(write_pictures())
    if name in ("csv", "data"):
        yield table.encode()
        yield f"emotion,pixels,Usage\n3,{row},Training\n".encode()
    if name in ("folder", "image"):
        yield from write_pictures()
    if name in ("parquet", "rows", "data"):
        import pyarrow
        from pyarrow import parquet

        columns = {"image": [{"bytes": face, "path": "a"}] * 2, "label": [1, 2], "split": ["train", "test"]}
        written = io.BytesIO()
        parquet.write_table(pyarrow.table(columns), written)
        yield written.getvalue()
    if name in ("npz", "data"):
        written = io.BytesIO()
        np.savez_compressed(written, **make_arrays())
        yield written.getvalue()
    if name == "array":
        for place, array in enumerate(make_arrays().values()):
            written = io.BytesIO(bytes([place]))
            written.seek(1)
            np.save(written, array)
            yield written.getvalue()
    if name == "names":
        yield from (b"train/happy/Training_1.png", b"data/valid/3/0002.jpg", b"test-0.parquet", b"a.csv")
    if name == "zip":
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            written = io.BytesIO()
            with zipfile.ZipFile(written, "w", method) as archive:
                archive.writestr("album/a.png", face)
                archive.writestr("../b.png", zlib.compress(face))
            yield written.getvalue()
    if name == "config":
        for path in sorted((ROOT / "fer_zoo" / "weights").glob("*/config.json")):
            config = json.loads(path.read_text())
            config["fer_zoo"].update(metrics={}, recipe={})
            yield json.dumps(config).encode()
    if name == "recipe":
        for path in sorted(RECIPES.glob("*.toml")):
            yield path.read_bytes()
    if name == "video":
        yield from write_clips()
    if name == "weights":
        header = json.dumps({"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}).encode()
        yield struct.pack("<Q", len(header)) + header + bytes(4)


def write_clips() -> Iterator[bytes]:
    """Four frames in each container that is read and that OpenCV writes."""
    import cv2

    frame = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        for codec, end in (
            ("mp4v", "mp4"),
            ("mp4v", "mov"),
            ("MJPG", "avi"),
            ("mp4v", "mkv"),
            ("PIM1", "mpg"),
        ):
            path = Path(folder, f"clip.{end}")
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), 25, (64, 64))
            for shift in range(4):
                writer.write(np.roll(frame, 8 * shift, axis=1))
            writer.release()
            yield path.read_bytes()


def check(name: str, path: Path, encoded: bytes) -> None:
    """Fails where a reader raises another error than ours, or says it on more than a line."""
    path.write_bytes(encoded)
    try:
        READERS[name][1](path)
    except NO_FAULT as error:
        assert "\n" not in str(error) and len(str(error)) < 1500, str(error)[:2000]
