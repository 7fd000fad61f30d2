"""Atomic writes (a temporary file beside the target, flushed, then renamed) and the cache folder."""

import csv
import errno
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from fer_zoo.errors import FerZooError, WriteError, one_line

PART = ".part"  # suffix of a file that is not complete yet
ABANDONED_S = 3600  # a partial file in a shared folder that is older was left by a killed process


def write_atomically(path: Path, write: Callable[[Path], object], backup: Path | None = None) -> None:
    """Call `write` with a temporary path in the same folder, then replace `path` by that file.

    A symbolic link is followed, and a device or pipe is written to. A new file gets its permissions from the
    umask; a replaced file keeps its own.

    Args:
        path: The file. A missing folder is created.
        write: Writes the complete file to the path that it is given.
        backup: A path in the same folder to which an existing file is renamed.

    Raises:
        WriteError: The disk is full or the folder is not writable. An existing file is left unchanged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not (path.is_file() or path.is_dir()):  # /dev/null, /dev/stdout, a pipe
            _write_through(path, write)
        else:
            _replace(path if backup else _follow(path), write, backup)
    except OSError as error:
        raise WriteError(
            f"{str(path)!r} cannot be written ({name_reason(error)}): free some space, or choose another "
            "folder."
        ) from error


def _follow(path: Path) -> Path:
    """Resolve symbolic links. Raises OSError for a loop of links."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _replace(path: Path, write: Callable[[Path], object], backup: Path | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}{PART}")
    temporary.open("xb").close()  # the system applies the umask
    try:
        write(temporary)
        _flush(temporary, os.O_RDWR)
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
            if backup:
                path.replace(backup)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":  # a rename survives a power failure once the folder is flushed
        _flush(path.parent, os.O_RDONLY)


def _write_through(path: Path, write: Callable[[Path], object]) -> None:
    """Write to a temporary file first, because writers may seek."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "complete"
        write(temporary)
        with temporary.open("rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)


def _flush(path: Path, access: int) -> None:
    """access: for a file os.O_RDWR, because Windows does not flush a file opened for reading."""
    handle = os.open(path, access)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def name_reason(error: OSError) -> str:
    """The system's reason on one line."""
    return error.strerror or one_line(error)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically, with the same line ends on every system; see `write_atomically`."""
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))


def write_csv(path: Path, rows: Iterable[Iterable[object]], lineterminator: str = "\r\n") -> None:
    """Write a table atomically, its head the first row; see `write_atomically`."""

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator=lineterminator).writerows(rows)

    write_atomically(path, write)


def refuse_to_replace(path: Path, force: bool, option: str) -> None:
    """Raise FerZooError if the file that a command will write is a folder, or exists without --force.

    option: the command-line option that gives the path, for the message.
    """
    if path.is_dir():
        raise FerZooError(f"{str(path)!r} is a folder; {option} must be a file: add a file name.")
    if path.is_file() and not force:
        raise FerZooError(
            f"{str(path)!r} already exists ({path.stat().st_size:,} bytes): choose another {option}, or "
            "add --force to replace it."
        )


def as_utf8(text: str) -> str:
    r"""Replace bytes of a file name that are not UTF-8 by \udcff and so on, a valid escape in JSON."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def remove_partial_files(folder: Path, older_than_s: float = 0) -> None:
    """Remove partial files that a killed process left in a folder.

    older_than_s: minimum age in seconds; use `ABANDONED_S` where other processes may be writing.
    """
    newest = time.time() - older_than_s
    for path in folder.glob(f".*{PART}"):
        with suppress(OSError):  # already removed by another process, or owned by another user
            if not older_than_s or path.stat().st_mtime < newest:
                path.unlink()


def cache_folder() -> Path:
    """FER_ZOO_CACHE, else XDG_CACHE_HOME/fer_zoo, else ~/.cache/fer_zoo."""
    if cache := os.environ.get("FER_ZOO_CACHE"):
        return Path(cache).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "fer_zoo"
