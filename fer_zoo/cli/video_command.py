"""Track the faces of a video file."""

import argparse
import sys
from typing import Any

from fer_zoo.cli.arguments import add_command, duration, positive, print_json
from fer_zoo.errors import ImageError, escape
from fer_zoo.utils.progress import track


def add_parsers(parsers: Any) -> None:
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


def run_video(arguments: argparse.Namespace) -> None:
    from pathlib import Path

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
