"""Files that are whole or absent: written beside their place, flushed to the disk, then renamed; and where
what can be made again is kept.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from fer_zoo.errors import WriteError

PART = ".part"  # ends the name of a file that is not whole yet


def write_atomically(path: Path, write: Callable[[Path], object], keep: Path | None = None) -> None:
    """Call `write` with a temporary path in the same folder, then put that file in place of `path`.

    keep: a name for the file that stood there, in the same folder. Raises WriteError for a full disk or a
    folder that cannot be written; what stood there is left as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            _flush(temporary)
            temporary.chmod(0o644)
            if keep and path.exists():
                path.replace(keep)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        if os.name == "posix":  # a rename lasts through a power cut once the folder is flushed
            _flush(path.parent)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise WriteError(
            f"{str(path)!r} cannot be written ({reason}): make room there, or choose another folder."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text by `write_atomically`."""
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def as_utf8(text: str) -> str:
    r"""Bytes of a file's name that are no UTF-8 become \udcff and so on, which is an escape in JSON too."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def remove_parts(folder: Path) -> None:
    """Take away what a killed process left half written in a folder that nobody else writes to."""
    for path in folder.glob(f".*{PART}"):
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def cache_folder() -> Path:
    """FER_ZOO_CACHE, else fer_zoo in XDG_CACHE_HOME, else ~/.cache/fer_zoo."""
    if own := os.environ.get("FER_ZOO_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "fer_zoo"
