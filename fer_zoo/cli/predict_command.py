"""Find the faces of photos or of a video, and score them."""

import argparse
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fer_zoo.cli.arguments import add_command, duration, explain_stop, out_folder, positive, print_json
from fer_zoo.errors import FerZooError, ImageError, escape
from fer_zoo.utils.progress import track

FAST_MODEL = "cnn-baseline"  # with --out: for millions of pictures, and what earlier jobs were started with


def add_parsers(parsers: Any) -> None:
    _add_predict(parsers)
    _add_video(parsers)


def _add_predict(parsers: Any) -> None:
    predict = add_command(parsers, "predict", run_predict, "find the faces in photos and score each")
    predict.add_argument(
        "photos", nargs="+", metavar="PHOTO|FOLDER|GLOB", help="with --out also Parquet files of pictures"
    )
    predict.add_models(f"names or folders [the ensemble; with --out {FAST_MODEL}]")
    predict.add_argument("--whole", action="store_true", help="take the whole picture as the face")
    predict.add_argument(
        "--annotate",
        type=out_folder,
        metavar="DIR",
        help="also write each photo there as PNG, with a box, an emotion and its percentage on each face",
    )
    predict.add_out(
        "for very many pictures: write Parquet in parts; the same command resumes where it stopped"
    )
    predict.add_device()
    predict.add_json()


def _add_video(parsers: Any) -> None:
    video = add_command(
        parsers, "video", run_video, "track the faces of a video and score their emotions over time"
    )
    video.add_argument("video", metavar="FILE", help="MP4, MOV, MKV, WebM, AVI, MPEG or GIF")
    video.add_models("names or folders [cnn-baseline]", default="cnn-baseline")
    video.add_out("write faces.csv, with a row for each face and frame, and timeline.png there")
    video.add_argument(
        "--per-second",
        type=positive,
        default=10.0,
        metavar="N",
        help="frames to read per second; with too few, a moving face is renumbered [10]",
    )
    video.add_argument(
        "--smoothing",
        type=duration,
        default=0.5,
        metavar="S",
        help="time constant of the smoothing, in seconds; 0 turns it off [0.5]",
    )
    video.add_device()
    video.add_json()


def run_predict(arguments: argparse.Namespace) -> None:
    """Names and paths are checked before torch is imported, which takes seconds."""
    from fer_zoo.recognition.recognizer import Recognizer
    from fer_zoo.utils.devices import pick_device
    from fer_zoo.utils.images import expand_paths

    if arguments.out and arguments.annotate:
        raise FerZooError("--annotate and --out do not go together: leave one of them out.")
    models = arguments.models or [FAST_MODEL if arguments.out else _find_ensemble()]
    recognizer = Recognizer(models)
    if arguments.out:
        expand_paths([name for name in arguments.photos if not Path(name).exists()])
        _predict_into(arguments, models)
        return
    paths, device = expand_paths(arguments.photos), pick_device(arguments.device)
    for model in recognizer.models.values():
        model.to(device)
    results = _predict_each(recognizer, paths, arguments)
    if arguments.json:
        print_json(results)
    elif len(results) > 1:
        print(_summarize(results, recognizer.names[0]))
    if any("error" in result for result in results):
        raise SystemExit(2)


def _find_ensemble() -> str:
    """The default ensemble of the released weights."""
    from fer_zoo.models.weights import WEIGHTS

    return next(row.name for row in WEIGHTS.values() if row.members and row.is_default)


def _predict_each(recognizer: Any, paths: list[Path], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Every result, printed as it comes; what could not be read goes to stderr."""
    from fer_zoo.recognition.recognizer import format_recognition

    results: list[dict[str, Any]] = []
    drawn: set[str] = set()
    with track("pictures") as progress:
        for path, result in zip(paths, recognizer.recognize_many(paths, whole=arguments.whole), strict=True):
            results.append(result)
            if "error" in result:
                print(f"fer-zoo: {result['error']}", file=sys.stderr)
            elif not result["faces"]:
                name = escape(result["image"])
                print(f"fer-zoo: no face found in {name}; --whole takes the whole picture.", file=sys.stderr)
            if arguments.annotate and "error" not in result:
                _annotate(path, result, arguments.annotate, drawn)
            if not arguments.json and "error" not in result:
                print(format_recognition(result))
            progress(len(results), len(paths))
    return results


def _annotate(photo: Path, result: dict[str, Any], folder: Path, drawn: set[str]) -> None:
    """Write the photo with its answers by the first model. drawn: names in use; photos of two folders may
    share theirs.
    """
    from fer_zoo.artifacts.answer_table import find_top
    from fer_zoo.emotions import find_colors
    from fer_zoo.recognition.face_drawing import draw_faces
    from fer_zoo.utils.files import write_atomically

    boxes, labels, colors = [], [], []
    for number, face in enumerate(result["faces"], 1):
        named = next(iter(face["models"].values()))
        top = find_top(named)
        boxes.append(face["box"])
        beside = f"{number} " if len(result["faces"]) > 1 else ""  # as in the text
        labels.append(f"{beside}{top} {named[top]:.0%}")
        colors.append(find_colors(list(named))[list(named).index(top)])
    name, count = photo.stem, 1
    while name.lower() in drawn:  # some disks take A.png for a.png
        count += 1
        name = f"{photo.stem}-{count}"
    drawn.add(name.lower())
    image = draw_faces(photo, boxes, labels, colors)
    write_atomically(folder / f"{name}.png", lambda path: image.save(path, "PNG"))


def _summarize(results: list[dict[str, Any]], model: str) -> str:
    """One line: how many pictures and faces, and how often the model gave each answer."""
    from fer_zoo.artifacts.answer_table import find_top

    faces = [face for result in results for face in result["faces"]]
    tops = Counter(find_top(face["models"][model]) for face in faces)
    parts = [f"{len(results)} pictures, {len(faces)} face{'' if len(faces) == 1 else 's'}"]
    if tops:
        parts.append(f"{model}: " + ", ".join(f"{name} {count}" for name, count in tops.most_common()))
    if without := sum(not result["faces"] and "error" not in result for result in results):
        parts.append(f"no face in {without}")
    if broken := sum("error" in result for result in results):
        parts.append(f"not read: {broken}")
    return "; ".join(parts)


def _predict_into(arguments: argparse.Namespace, models: list[str]) -> None:
    from fer_zoo.recognition.batch import format_summary, predict_into

    out = arguments.out
    stopped = "The finished parts are stored; run the same command to resume."
    with explain_stop(stopped), track("pictures") as progress:
        summary = predict_into(
            arguments.photos,
            out,
            models,
            whole=arguments.whole,
            device=arguments.device,
            progress=progress,
        )
    if arguments.json:
        print_json({"out": str(out), **asdict(summary)})
    else:
        print(format_summary(summary, out))


def run_video(arguments: argparse.Namespace) -> None:
    from fer_zoo.recognition.recognizer import Recognizer
    from fer_zoo.recognition.timeline import draw_timeline
    from fer_zoo.recognition.tracking import FaceTracker
    from fer_zoo.recognition.video import FRAME_SIDE, follow_video
    from fer_zoo.recognition.video_summary import VideoStory, format_story
    from fer_zoo.utils.devices import pick_device
    from fer_zoo.utils.files import write_text

    device, recognizer = pick_device(arguments.device), Recognizer(arguments.models)
    story, stopped_by = VideoStory(recognizer.names), None
    tracker = FaceTracker(recognizer, smoothing_s=arguments.smoothing, frame_side=FRAME_SIDE)
    with track("seconds of the video") as progress:
        frames = follow_video(arguments.video, tracker, arguments.per_second, progress)
        for model in recognizer.models.values():
            model.to(device)
        try:
            for frame in frames:
                story.add(frame)
        except (KeyboardInterrupt, ImageError) as error:
            if not story.frames:
                raise
            stopped_by = error
    if arguments.out:
        write_text(arguments.out / "faces.csv", story.to_csv())
        draw_timeline(story, Path(arguments.video).name, arguments.out / "timeline.png")
    described = story.describe(arguments.video)
    if arguments.json:
        print_json(described)
    else:
        print(format_story(described))
        if arguments.out:
            print(f"Wrote faces.csv and timeline.png into {escape(str(arguments.out))}")
    if isinstance(stopped_by, KeyboardInterrupt):
        print(f"Stopped at {story.end:.1f} s of the video; the results so far are complete.", file=sys.stderr)
    if stopped_by:
        raise stopped_by
