"""An upload becomes bytes. Nothing here decodes a picture: fer_zoo does, with its bounds and its messages."""

import re
from pathlib import Path
from typing import Any, NamedTuple

from gradio.utils import get_upload_folder, is_in_or_equal
from limits import LARGEST_PICTURE, LARGEST_ZIP

from fer_zoo import FerZooError

ZIP_START = b"PK"
# What stands between slashes, with or without quotes around it: a place on this machine is nobody's business.
PATH = re.compile(r"'[^']*[/\\][^']*'|\"[^\"]*[/\\][^\"]*\"|(?<![\w.])~?/[^\s,;:)]+")


class Upload(NamedTuple):
    """A picture file as it was sent. whole: the whole of it is to be taken as one face."""

    name: str
    encoded: bytes
    whole: bool = False

    def explain(self, error: FerZooError) -> str:
        """fer_zoo's message with the file's own name in it."""
        return hide_paths(str(error)).replace("The bytes", self.name, 1)


def hide_paths(text: str) -> str:
    """A message without the places of files on this machine."""
    return PATH.sub("…", text)


def read_upload(file: Any, zips: bool = False) -> Upload:
    """Read what Gradio stored. file: Gradio's FileData, or the same as a dict. zips: they are wanted, and may
    be larger than a picture.

    A caller of the API writes the path himself, and Gradio checks it only where the caller asks for it: so a
    path outside the folder of uploads is refused here. Raises FerZooError.
    """
    fields = file if isinstance(file, dict) else vars(file or {})
    path = fields.get("path")
    if not path or not is_in_or_equal(path, get_upload_folder()) or not Path(path).is_file():
        raise FerZooError("This is no uploaded picture. Send the picture itself, not a path.")
    with Path(path).open("rb") as opened:
        most = LARGEST_ZIP if zips and opened.read(2) == ZIP_START else LARGEST_PICTURE
        opened.seek(0)
        encoded = opened.read(most + 1)
    if len(encoded) > most:
        what = "The zip" if most == LARGEST_ZIP else "The picture"
        raise FerZooError(f"{what} is over {most // 1_000_000} MB; make it smaller.")
    return Upload(fields.get("orig_name") or Path(path).name, encoded)
