"""An upload becomes bytes. Nothing here decodes a picture: fer_zoo does, with its bounds and its messages."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fer_zoo import FerZooError
from page.gradio_private import get_upload_folder
from page.limits import LARGEST_PICTURE, LARGEST_ZIP, LONGEST_MESSAGE, LONGEST_NAME
from page.words import read_translations

if TYPE_CHECKING:
    from fer_zoo.recognition.recognizer import Inspection

ZIP_START = b"PK"
BOUNDS = {"most": LARGEST_PICTURE // 1_000_000, "most_zip": LARGEST_ZIP // 1_000_000}
CUT = "…"
# A path, with or without quotes around it: where a file lies on this machine is nobody's business. A text
# that was cut may lack the second quote. No part can match what begins the next one, so the time is linear.
PATH = re.compile(
    rf"'[^'/\\]*[/\\][^']*(?:'|{CUT}$)"
    rf'|"[^"/\\]*[/\\][^"]*(?:"|{CUT}$)'
    r"|(?<![\w.])~?/[^\s,;:)]+"
)


class UploadError(FerZooError):
    """As fer_zoo's ImageError, of what only a page refuses."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class Upload(NamedTuple):
    """A picture file as it was sent. whole: the whole of it is to be taken as one face."""

    name: str
    encoded: bytes
    whole: bool = False


def find_name(file: Any, default: str = "?") -> str:
    """The name that the visitor's file had. file: as in `read_upload`."""
    return cut_name(_list_fields(file).get("orig_name") or default)


def cut_name(name: object) -> str:
    """At most 255 characters of a name that somebody sent: its end, where files of one folder differ. With ?
    for what is no Unicode, as half an emoji in a name on Windows: it could stand in no answer.
    """
    text = str(name).encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_NAME else CUT + text[1 - LONGEST_NAME :]


def explain(error: FerZooError, name: str, language: str = "en") -> str:
    """What is wrong with the file of that name: in fer_zoo's own words, or in those of another language."""
    told = read_translations()["errors"].get(getattr(error, "kind", "")) if language == "es" else None
    if told:
        return told.format(name=str(FerZooError(name)), **BOUNDS)
    beginning, text = f"{FerZooError(name)}: ", str(error)
    if text.startswith(beginning):  # a name in quotes or with a folder is no path of this machine
        return beginning + hide_paths(text.removeprefix(beginning))
    return hide_paths(text).replace("The bytes", name, 1)


def describe_picture(name: str, seen: "Inspection") -> dict[str, Any]:
    """As `fer-zoo predict --json`, and in "errors", where models failed, why, by their names."""
    errors = {model: hide_paths(error) for model, error in seen.errors.items()}
    return {"image": name, **seen.describe(), **({"errors": errors} if errors else {})}


def hide_paths(text: str) -> str:
    """At most 300 characters of a message, without the paths of files on this machine."""
    return PATH.sub(CUT, text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + CUT)


def read_upload(file: Any, zips: bool = False) -> Upload:
    """Read what Gradio stored. file: Gradio's FileData, or the same as a dict. zips: they are wanted, and may
    be larger than a picture. Raises UploadError.
    """
    path = find_upload(file)
    with path.open("rb") as opened:
        most = LARGEST_ZIP if zips and opened.read(2) == ZIP_START else LARGEST_PICTURE
        opened.seek(0)
        encoded = opened.read(most + 1)
    if len(encoded) > most:
        what, kind = ("The zip", "zip") if most == LARGEST_ZIP else ("The picture", "bytes")
        raise UploadError(f"{what} is over {most // 1_000_000} MB; make it smaller.", kind)
    return Upload(find_name(file, path.name), encoded)


def find_upload(file: Any) -> Path:
    """Where Gradio stored it. file: as in `read_upload`.

    A caller of the API writes the path himself, and Gradio checks it only where the caller asks for it: so a
    path outside the folder of uploads is refused here. Raises UploadError.
    """
    path = Path(_list_fields(file).get("path") or "")
    is_inside = path.resolve().is_relative_to(Path(get_upload_folder()).resolve())
    if is_inside and not path.exists():  # it has waited in the queue for longer than uploads are kept
        raise UploadError("This upload is gone: the page was busy for too long. Send it again.", "gone")
    if not is_inside or not path.is_file():
        raise UploadError("This is no uploaded picture. Send the picture itself, not a path.", "place")
    return path


def _list_fields(file: Any) -> dict[str, Any]:
    return file if isinstance(file, dict) else vars(file or {})
