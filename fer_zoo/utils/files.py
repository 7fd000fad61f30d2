"""Files that are whole or absent: written beside their path, flushed to the disk, then renamed; and where
what can be made again is kept.
"""

import errno
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fer_zoo.errors import FerZooError, WriteError

PART = ".part"  # ends the name of a file that is not whole yet
ABANDONED_S = 3600  # age from which a part in a shared folder is what a killed process left


def write_atomically(path: Path, write: Callable[[Path], object], keep: Path | None = None) -> None:
    """Call `write` with a temporary path in the same folder, then put that file in place of `path`.

    A symbolic link is followed, a device or pipe is written into. A new file gets the permissions that the
    umask leaves, a replaced one keeps its own.

    Args:
        path: The file. Its folder is made where it is missing.
        write: Writes a whole file to the path that it is given.
        keep: A name in the same folder for the file that `path` was until now.

    Raises:
        WriteError: A full disk, or a folder that cannot be written. What was there is left as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _is_device(path):
            _write_through(path, write)
        else:
            _replace(path if keep else _follow(path), write, keep)
    except OSError as error:
        raise WriteError(
            f"{str(path)!r} cannot be written ({name_reason(error)}): make room there, or choose another "
            "folder."
        ) from error


def _follow(path: Path) -> Path:
    """Where symbolic links lead. Raises OSError for a circle of them."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _replace(path: Path, write: Callable[[Path], object], keep: Path | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}{PART}")
    temporary.open("xb").close()  # the system applies the umask
    try:
        write(temporary)
        _flush(temporary, os.O_RDWR)
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
            if keep:
                path.replace(keep)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":  # a rename lasts through a power cut once the folder is flushed
        _flush(path.parent, os.O_RDONLY)


def _is_device(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder: /dev/null, /dev/stdout, a pipe."""
    return path.exists() and not (path.is_file() or path.is_dir())


def _write_through(path: Path, write: Callable[[Path], object]) -> None:
    """By way of a file, since writers may want to seek."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "whole"
        write(temporary)
        with temporary.open("rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)


def _flush(path: Path, access: int) -> None:
    """access: of a file os.O_RDWR, because Windows flushes nothing that was opened to be read."""
    handle = os.open(path, access)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def name_reason(error: OSError) -> str:
    """Why the system refuses, on one line."""
    return error.strerror or " ".join(str(error).split()) or type(error).__name__


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text by `write_atomically`."""
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def refuse_to_replace(path: Path, force: bool, option: str) -> None:
    """Keep a file that a command was not told to replace.

    Args:
        path: Where the command is to write one file.
        force: Whether a file there may be replaced.
        option: What names the path on the command line, for the message.

    Raises:
        FerZooError: A folder, or a file without `force`.
    """
    if path.is_dir():
        raise FerZooError(f"{str(path)!r} is a folder; {option} names a file: add a file name to it.")
    if path.is_file() and not force:
        raise FerZooError(
            f"{str(path)!r} exists already ({path.stat().st_size:,} bytes): choose another {option}, or "
            "add --force to replace it."
        )


def as_utf8(text: str) -> str:
    r"""Bytes of a file's name that are no UTF-8 become \udcff and so on, which is an escape in JSON too."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def remove_partial_files(folder: Path, older_than_s: float = 0) -> None:
    """Remove what a killed process left half written.

    Args:
        folder: Where to look.
        older_than_s: Age in seconds; more than 0 where others may be writing. `ABANDONED_S` is enough.
    """
    newest = time.time() - older_than_s
    for path in folder.glob(f".*{PART}"):
        with suppress(OSError):  # another process was faster, or it is another user's
            if not older_than_s or path.stat().st_mtime < newest:
                path.unlink()


def cache_folder() -> Path:
    """FER_ZOO_CACHE, else fer_zoo in XDG_CACHE_HOME, else ~/.cache/fer_zoo."""
    if own := os.environ.get("FER_ZOO_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "fer_zoo"
