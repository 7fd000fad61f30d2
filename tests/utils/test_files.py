"""Files are complete or absent, keep their permissions, and follow links and devices."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fer_zoo.errors import WriteError
from fer_zoo.utils.files import PART, remove_partial_files, write_atomically, write_text

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions, links and devices of POSIX")

# These modules do not exist on Windows.
IMPORT_ALL = """
import os, pkgutil, stat, sys
from importlib import import_module
from pathlib import Path
for name in ("resource", "fcntl", "termios", "pwd", "grp"):
    sys.modules[name] = None
import fer_zoo
for module in pkgutil.walk_packages(fer_zoo.__path__, "fer_zoo."):
    import_module(module.name)
"""


def test_every_module_can_be_imported_without_the_modules_of_posix() -> None:
    run = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_text_has_the_same_bytes_on_every_system(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    for text in ("one\nzwei: \u00e4\n", "a second time\n"):
        write_text(path, text)
        assert path.read_bytes() == text.encode()
    assert list(path.parent.iterdir()) == [path]


@POSIX
def test_a_flushed_file_is_open_for_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows does not flush a file opened for reading."""
    import fcntl

    flushed = []

    def flush(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            flushed.append(fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE)

    monkeypatch.setattr(os, "fsync", flush)
    write_text(tmp_path / "a.txt", "a")
    assert flushed == [os.O_RDWR]


@POSIX
@pytest.mark.parametrize("mask", [0o077, 0o022, 0o002])
def test_a_new_file_gets_its_permissions_from_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o666 & ~mask


@POSIX
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "new" and stat.S_IMODE(path.stat().st_mode) == 0o640


@POSIX
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_is_followed(tmp_path: Path, dangling: bool) -> None:
    target, link = tmp_path / "elsewhere" / "a.txt", tmp_path / "link.txt"
    target.parent.mkdir()
    if not dangling:
        target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink() and target.read_text(encoding="utf-8") == "new"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


@POSIX
def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(WriteError, match=r"loop' cannot be written"):
        write_text(tmp_path / "loop", "a")


@POSIX
def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")), daemon=True)
    reader.start()
    write_text(pipe, "through")
    reader.join(10)
    assert read == ["through"] and stat.S_ISFIFO(pipe.stat().st_mode)


@POSIX
def test_devices_stay_devices() -> None:
    write_text(Path("/dev/null"), "nothing")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(WriteError, match="No space left"):
        write_text(Path("/dev/full"), "nothing")


@POSIX
def test_a_long_name_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 255)
    write_text(path, "a")
    assert path.read_text(encoding="utf-8") == "a"


def test_old_partial_files_are_removed_and_new_ones_kept(tmp_path: Path) -> None:
    old, new = tmp_path / f".old{PART}", tmp_path / f".new{PART}"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    remove_partial_files(tmp_path, older_than_s=60)
    assert list(tmp_path.iterdir()) == [new]
    remove_partial_files(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")

    def fail(part: Path) -> None:
        part.write_text("partial", encoding="utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(WriteError, match="No space left"):
        write_atomically(path, fail)
    assert path.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [path]
