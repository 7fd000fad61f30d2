"""An upload becomes bytes. Nothing here decodes a picture: fer_zoo does, with its bounds and its messages."""

from pathlib import Path
from typing import Any, NamedTuple

from gradio.utils import get_upload_folder, is_in_or_equal

from fer_zoo import FerZooError

LARGEST_BYTES = 10_000_000


class Upload(NamedTuple):
    """A picture file as it was sent. whole: the whole of it is to be taken as one face."""

    name: str
    encoded: bytes
    whole: bool = False

    def explain(self, error: FerZooError) -> str:
        """fer_zoo's message with the file's own name in it."""
        return str(error).replace("The bytes", self.name, 1)


def read_upload(file: Any) -> Upload:
    """Read what Gradio stored. file: Gradio's FileData, or the same as a dict.

    A caller of the API writes the path himself, and Gradio checks it only where the caller asks for it: so a
    path outside the folder of uploads is refused here. Raises FerZooError.
    """
    fields = file if isinstance(file, dict) else vars(file or {})
    path = fields.get("path")
    if not path or not is_in_or_equal(path, get_upload_folder()) or not Path(path).is_file():
        raise FerZooError("This is no uploaded picture. Send the picture itself, not a path.")
    if Path(path).stat().st_size > LARGEST_BYTES:
        raise FerZooError(f"The picture is over {LARGEST_BYTES // 1_000_000} MB; make it smaller.")
    return Upload(fields.get("orig_name") or Path(path).name, Path(path).read_bytes())
