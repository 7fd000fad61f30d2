"""The second read is fast, and still correct after an edit, damage, a crash or a full disk."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer_zoo.data import fer2013
from fer_zoo.data.fer2013 import FER2013, read_fer2013


def assert_same(one: FER2013, other: FER2013) -> None:
    for name in ("train", "public", "private"):
        assert np.array_equal(one.split(name).pixels, other.split(name).pixels)
        assert np.array_equal(one.split(name).labels, other.split(name).labels)
    assert one.fingerprint == other.fingerprint


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that were parsed instead of read from the cache."""
    parsed: list[Path] = []
    parse = fer2013.read_csv
    monkeypatch.setattr(fer2013, "read_csv", lambda path: (parsed.append(path), parse(path))[1])
    return parsed


def test_second_read_does_not_parse(csv_file: Path, tmp_path: Path, parses: list[Path]) -> None:
    first = read_fer2013(csv_file)
    copy = tmp_path / "copy.csv"
    copy.write_bytes(csv_file.read_bytes())
    assert_same(read_fer2013(csv_file), first)
    assert_same(read_fer2013(copy), first)
    assert parses == [csv_file]


def test_edited_file_is_parsed_even_with_equal_size_and_time(csv_file: Path, parses: list[Path]) -> None:
    first, stat = read_fer2013(csv_file), csv_file.stat()
    content = bytearray(csv_file.read_bytes())
    label = content.index(b"\n") + 1
    content[label] = ord("1" if content[label] == ord("0") else "0")
    csv_file.write_bytes(content)
    os.utime(csv_file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert csv_file.stat().st_size == stat.st_size
    assert read_fer2013(csv_file).fingerprint != first.fingerprint
    assert len(parses) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": np.full(60, 99, np.uint8)},
        {"usages": np.full(60, 9, np.uint8)},
        {"labels": np.zeros(3, np.uint8)},
        {"pixels": np.zeros((60, 48, 48), np.float32)},
        {"pixels": np.zeros((60, 24, 96), np.uint8)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_intact_cache_with_invalid_content_is_rebuilt(
    wrong: dict[str, np.ndarray], csv_file: Path, cache: Path, parses: list[Path]
) -> None:
    first = read_fer2013(csv_file)
    (cached,) = cache.iterdir()
    with np.load(cached) as arrays:
        content = dict(arrays)
    assert all(len(content[name]) in (3, len(array)) or len(array) == 3 for name, array in wrong.items())
    np.savez(cached, **{**content, **wrong})
    assert_same(read_fer2013(csv_file), first)
    assert len(parses) == 2


@pytest.mark.parametrize("damage", ["truncated", "altered", "emptied"])
def test_damaged_cache_is_rebuilt(damage: str, csv_file: Path, cache: Path, parses: list[Path]) -> None:
    first = read_fer2013(csv_file)
    (cached,) = cache.iterdir()
    content = bytearray(cached.read_bytes())
    content[5000] ^= 255
    cached.write_bytes({"truncated": content[:9000], "altered": content, "emptied": b""}[damage])
    assert_same(read_fer2013(csv_file), first)
    assert_same(read_fer2013(csv_file), first)
    assert len(parses) == 2


def test_a_partial_cache_of_a_killed_process_is_not_used(
    csv_file: Path, cache: Path, parses: list[Path]
) -> None:
    """A process that dies while writing the cache, as in a power failure, does not affect the next."""
    dying = (
        "import os, sys\nfrom fer_zoo.data import cache\nfrom fer_zoo.data.fer2013 import read_fer2013\n"
        "def save(file, **arrays):\n    file.write(b'PK half')\n    file.flush()\n    os._exit(9)\n"
        "cache.np.savez = save\nread_fer2013(sys.argv[1])\n"
    )
    assert subprocess.run([sys.executable, "-c", dying, csv_file], check=False).returncode == 9
    assert [entry.suffix for entry in cache.iterdir()] == [".part"]
    first = read_fer2013(csv_file)
    assert_same(read_fer2013(csv_file), first)
    assert parses == [csv_file]
    (left,) = cache.glob(".*.part")
    os.utime(left, (0, 0))  # too old to be still in use
    next(cache.glob("*.npz")).unlink()
    read_fer2013(csv_file)
    assert [entry.suffix for entry in cache.iterdir()] == [".npz"]


def test_failed_write_leaves_nothing_behind(
    csv_file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    assert len(read_fer2013(csv_file).training) == 40
    assert list(cache.iterdir()) == []


def test_an_unwritable_cache_is_skipped(
    csv_file: Path, tmp_path: Path, parses: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("a file instead of a folder", encoding="utf-8")
    monkeypatch.setenv("FER_ZOO_CACHE", str(tmp_path / "file" / "cache"))
    assert_same(read_fer2013(csv_file), read_fer2013(csv_file))
    assert len(parses) == 2


@pytest.mark.slow
def test_real_csv_needs_little_time_and_memory(real_data: str) -> None:
    """301 MB: under 1.5 GB of memory, and the cache saves most of the CPU time."""
    code = (
        "import resource, sys, time\nfrom fer_zoo.data.fer2013 import read_fer2013\n"
        "start = time.process_time()\n"
        "read_fer2013(sys.argv[1])\nprint(time.process_time() - start)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    if not list(Path(real_data).parent.glob("*.csv")) and not list(Path(real_data).glob("*.csv")):
        pytest.skip("FER_ZOO_DATA is not a CSV")
    seconds = []
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", code, real_data], check=True, capture_output=True, text=True
        )
        spent_s, peak_mb = map(float, run.stdout.split())
        seconds.append(spent_s)
        assert peak_mb < 1500
    assert seconds[1] < seconds[0] / 3, seconds
