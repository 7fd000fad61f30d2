"""The page's named endpoints for programs: /compare for files, /compare_picture for agents (MCP)."""

import base64
import binascii
import json
from typing import Any

import gradio as gr

from fer_zoo import FerZooError
from page.limits import LARGEST_PICTURE
from page.offered_models import QUEUE, create_recognizer, list_names
from page.uploads import Upload, describe_picture, explain, read_upload


def compare(photo: gr.FileData, models: list[str] | None = None) -> dict[str, Any]:
    """Find the faces in a photo and score each with several models.

    Args:
        photo: the picture file: JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF, up to 10 MB and 40 megapixels.
        models: names of models, such as ["cnn-baseline"]; without them, all that the page offers.

    Returns:
        {"image", "faces": [{"box": [x, y, width, height], "score", "models": {name: {emotion: p}}}]}, as
        `fer-zoo predict --json` gives for one picture. "faces" is empty where no face is found.
        "faces_left_out", "turned" and "errors" stand there where smaller faces were not read, where the photo
        was turned by so many degrees clockwise to be read, and where models failed: why, by their names.
    """
    try:
        upload = read_upload(photo)
    except FerZooError as error:
        raise gr.Error(str(error), print_exception=False) from None
    return _inspect(upload, models)


# For agents (MCP). Gradio would offer `compare` too, but keeps the pictures that a tool is sent in a folder,
# and gives back Python's text of a dict.
TOOLS = ("/compare_picture",)


# MCP shows the first line of an argument's description.
def compare_picture(photo: str, models: list[str] | None = None) -> str:
    """Find every face in a photo and say which of seven facial expressions each model sees in it.

    The expressions are angry, disgust, fear, happy, sad, surprise and neutral. The models judge how a face
    looks, not what the person feels; about three answers in ten are wrong. Do not use the answers to judge,
    select or diagnose a person. Nothing is stored.

    Args:
        photo: base64 or data: URI of a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF, up to 10 MB; no link or path.
        models: names of models, such as ["cnn-baseline"]; without them, all that the page offers.

    Returns:
        JSON: {"image", "faces": [{"box": [x, y, width, height], "score", "models": {name: {emotion:
        probability}}}]}. "faces" is empty where no face is found. A face with "notes" is hard to read.
    """
    encoded = photo.partition(",")[2] if photo.startswith("data:") else photo
    encoded = "".join(encoded.split())  # many encoders break the lines
    if len(encoded) > LARGEST_PICTURE * 4 / 3 + 4:
        raise gr.Error(f"The picture is over {LARGEST_PICTURE // 1_000_000} MB.", print_exception=False)
    try:
        upload = Upload("picture", base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        words = "This is no picture in base64. Send its bytes, not a link or a path."
        raise gr.Error(words, print_exception=False) from None
    return json.dumps(_inspect(upload, models), ensure_ascii=False)


def _inspect(upload: Upload, models: list[str] | None) -> dict[str, Any]:
    chosen = [models] if isinstance(models, str) else models  # a caller may send anything
    try:
        recognizer = create_recognizer(list_names() if chosen is None else chosen)
        seen = recognizer.inspect(upload.encoded, keep_going=True)
    except FerZooError as error:
        raise gr.Error(explain(error, upload.name), print_exception=False) from None
    return describe_picture(upload.name, seen)


def add_endpoints() -> None:
    """Call inside the page's Blocks."""
    gr.api(compare, api_name="compare", **QUEUE)
    gr.api(compare_picture, api_name="compare_picture", **QUEUE)
