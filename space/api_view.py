"""The page's one named endpoint for programs: /compare."""

from typing import Any

import gradio as gr
from offered_models import QUEUE, create_recognizer, list_names
from uploads import read_upload

from fer_zoo import FerZooError


def compare(photo: gr.FileData, models: list[str] | None = None) -> dict[str, Any]:
    """Find the faces in a photo and score each with several models.

    Args:
        photo: the picture file: JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF, up to 10 MB and 40 megapixels.
        models: names of models, such as ["cnn-baseline"]; without them, all that the page offers.

    Returns:
        {"image", "faces": [{"box": [x, y, width, height], "score", "models": {name: {emotion: p}}}]}, as
        `fer-zoo predict --json` gives for one picture. "faces" is empty where no face is found.
    """
    try:
        upload = read_upload(photo)
    except FerZooError as error:
        raise gr.Error(str(error), print_exception=False) from None
    try:
        chosen = list_names() if models is None else models
        return {**create_recognizer(chosen).recognize(upload.encoded), "image": upload.name}
    except FerZooError as error:
        raise gr.Error(upload.explain(error), print_exception=False) from None


def add_endpoint() -> None:
    """Call inside the page's Blocks."""
    gr.api(compare, api_name="compare", **QUEUE)
