"""A visit to a pushed Space, of which only the requirements can be imported: `python pushed_space.py FOLDER`.

Prints what each tab found, as JSON.
"""

import base64
import io
import json
import os
import re
import sys
import zipfile
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MODELS = ["cnn-baseline"]


def list_required(lines: list[str]) -> set[str]:
    """Names of the distributions that pip installs for those lines of a requirements.txt, as far as they are
    installed here.
    """
    waiting = [Requirement(line) for line in lines if not line.startswith("--")]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            needs = map(Requirement, metadata.requires(wanted.name) or ())
        except metadata.PackageNotFoundError:
            continue
        extras = {"", *wanted.extras}
        waiting += [n for n in needs if not n.marker or any(n.marker.evaluate({"extra": e}) for e in extras)]
    return {name for name, _ in seen}


def block_all_but(required: set[str]) -> None:
    """Hide what other distributions have installed, as if it were not there. fer_zoo is among the files."""
    owners = metadata.packages_distributions().items()
    hidden = {module for module, names in owners if not required & {canonicalize_name(n) for n in names}}
    hidden.discard("fer_zoo")

    class Required(PathFinder):
        @classmethod
        def find_spec(cls, fullname: str, *places: Any) -> Any:
            return None if fullname.partition(".")[0] in hidden else super().find_spec(fullname, *places)

    sys.meta_path[:] = [Required if finder is PathFinder else finder for finder in sys.meta_path]
    assert not hidden & set(sys.modules)


def upload(name: str, content: bytes) -> dict[str, str]:
    """Store a file as Gradio does."""
    path = Path(os.environ["GRADIO_TEMP_DIR"], name)
    path.write_bytes(content)
    return {"path": str(path), "orig_name": name}


def film(photo: Any) -> bytes:
    """A second of video of that photo, which moves a little."""
    import cv2
    import numpy as np

    path = Path(os.environ["GRADIO_TEMP_DIR"], "film.mp4")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, photo.size)
    for step in range(10):
        writer.write(np.roll(np.asarray(photo)[:, :, ::-1], 2 * step, axis=1))
    writer.release()
    return path.read_bytes()


def show_live(photo: Any) -> list[list[int]]:
    """The numbers of the faces that are seen in each of two frames."""
    from live_tab.live_view import read_frame

    frames = []
    for quality in (85, 80):
        frame = io.BytesIO()
        photo.save(frame, "JPEG", quality=quality)
        frames.append("data:image/jpeg;base64," + base64.b64encode(frame.getvalue()).decode())
    answers = [read_frame({"camera": "one", "model": MODELS[0], "frame": frame}, None) for frame in frames]
    return [[face["number"] for face in answer["faces"]] for answer in answers]


def visit() -> dict[str, Any]:
    """What each tab found on the example photo or on one of its faces."""
    import gradio as gr
    from PIL import Image

    import app
    import fer_zoo
    from batch_tab.batch_view import read_batch
    from compare_tab.compare_view import add_photo
    from compare_tab.example_photos import find_example
    from page.endpoints import compare
    from page.offered_models import create_recognizer
    from video_tab.video_view import read_video

    fer_zoo.isolate_decoding()  # as app.launch does
    app.build_page()
    assert Path(fer_zoo.__file__).parent == Path("fer_zoo").resolve()
    assert fer_zoo.measure_latency(create_recognizer(MODELS).models[MODELS[0]])
    example = find_example("drawn").path
    encoded = example.read_bytes()
    answers = compare(gr.FileData(**upload("faces.png", encoded)), MODELS)
    with Image.open(example) as opened:
        face = opened.convert("RGB").crop((0, 0, 320, 320))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("faces.png", encoded)
    _, compared, _ = add_photo(upload("photo.png", encoded), MODELS, None)
    listed = read_batch([upload("faces.zip", packed.getvalue())], MODELS, None)
    told = read_video(upload("film.mp4", film(face)), MODELS, None)
    return {
        "compare": compared.count('fz-panel"'),
        "compare endpoint": len(answers["faces"]),
        "live": show_live(face),
        "video": re.findall(r"faces: \d+", told),
        "many pictures": re.findall(r"Pictures: \d+. Faces: \d+", listed),
    }


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    block_all_but(list_required(Path("requirements.txt").read_text(encoding="utf-8").splitlines()))
    sys.path[0] = str(Path.cwd())
    print(json.dumps(visit()))
