"""The programs of the page on scale run on a local cluster of Ray and of Spark."""

import io
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas
import pytest
from PIL import Image

import fer_zoo

PAGE = (Path(fer_zoo.__file__).parent / "docs" / "scale.md").read_text(encoding="utf-8")
COMMON, RAY, SPARK = re.findall(r"```python skip\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(scope="module")
def pictures(portrait: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Parquet file that the page reads: a face, two faces, none, and a broken picture."""
    folder, pair = tmp_path_factory.mktemp("scale"), Image.new("RGB", (1100, 600))
    pair.paste(portrait, (0, 0))
    pair.paste(portrait, (560, 0))
    photos = {"one": portrait, "two": pair, "none": Image.new("RGB", (60, 60))}
    encoded = {name: encode(photo) for name, photo in photos.items()} | {"broken": b"no picture"}
    table = pandas.DataFrame({"name": encoded.keys(), "image": encoded.values()})
    table.to_parquet(folder / "pictures.parquet")
    return folder


def encode(photo: Image.Image) -> bytes:
    written = io.BytesIO()
    photo.save(written, "JPEG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("library", "program", "out"),
    [
        pytest.param("ray", RAY, "faces_ray", id="ray"),
        pytest.param(
            "pyspark",
            SPARK,
            "faces_spark",
            id="spark",
            marks=pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
        ),
    ],
)
def test_the_program_finds_the_faces(library: str, program: str, out: str, pictures: Path) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    (pictures / f"{library}_program.py").write_text(COMMON + program)
    root = str(Path(fer_zoo.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "RAY_USAGE_STATS_ENABLED": "0"}
    environment |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    run = subprocess.run(
        [sys.executable, f"{library}_program.py"],
        cwd=pictures,
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    rows = pandas.read_parquet(pictures / out)
    assert sorted(rows["name"]) == ["broken", "one", "two", "two"]
    faces = rows[rows["error"].isna()]
    assert set(faces["emotion"]) <= set(fer_zoo.EMOTIONS) and faces["probability"].between(0.2, 1).all()
    assert "picture" in rows.set_index("name").loc["broken", "error"]
