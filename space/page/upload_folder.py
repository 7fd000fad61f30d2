"""The folder of uploads: what Gradio has forgotten goes by age, and the whole has a bound."""

import os
import time
from pathlib import Path
from typing import Any

from page.request_rules import Refusal

MAX_BYTES = 1_000_000_000  # five of the largest uploads


def sweep(folder: Path, age_s: float, now: float | None = None) -> int:
    """Remove the files that nobody wrote or moved for `age_s` seconds. Returns the bytes of those that stay.

    Gradio removes finished uploads by itself, but not those that broke off.
    """
    now, left = time.time() if now is None else now, 0
    inside = [Path(at) / name for at, folders, files in os.walk(folder) for name in (*folders, *files)]
    for path in reversed(inside):  # what is in a folder before the folder
        try:
            found = path.stat()
            if now - max(found.st_mtime, found.st_ctime) <= age_s:
                left += found.st_size
            elif path.is_dir():
                path.rmdir()  # Gradio makes one for each upload
            else:
                path.unlink()
        except OSError:  # a folder that is not empty, a file that is gone, or still open on Windows
            continue
    return left


def sweep_uploads(app: Any) -> int:
    """As `sweep`, of the folder of Gradio's app, a little later than Gradio's own deleting."""
    from page.gradio_private import find_upload_ages, get_upload_folder

    check_s, age_s = find_upload_ages(app)
    return sweep(Path(get_upload_folder()), age_s + 2 * check_s)


def admit_upload(app: Any, expected_bytes: int) -> Refusal | None:
    """Why uploads of that size together cannot be taken now, if so."""
    if sweep_uploads(app) + expected_bytes <= MAX_BYTES:
        return None
    return Refusal(507, "The demo holds too many uploads. Try again in five minutes.")
