"""Run the demo."""

import argparse
from typing import Any

from fer_zoo.cli.arguments import add_command, whole


def add_parsers(parsers: Any) -> None:
    demo = add_command(parsers, "demo", run_demo, "run the web demo on this machine")
    demo.add_argument("--port", type=whole(1, 65535), default=7860, metavar="N", help="port [7860]")
    demo.add_argument(
        "--host", metavar="NAME", help="address to listen at, such as 0.0.0.0 [this machine alone]"
    )
    demo.add_argument(
        "--share", action="store_true", help="also give it a public address, through Gradio's relay"
    )
    demo.add_models("names, folders or Hub addresses to offer [all weights of the package]", default=[])
    demo.add_argument(
        "--fetch",
        action="store_true",
        help="let visitors give the web address of a picture, public hosts alone",
    )
    demo.add_argument("--open", action="store_true", help="open the page in the browser")


def run_demo(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.space import launch_demo

    launch_demo(
        port=arguments.port,
        open_browser=arguments.open,
        host=arguments.host,
        share=arguments.share,
        models=arguments.models,
        fetch=arguments.fetch,
    )
