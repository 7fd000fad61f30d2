"""Write a model elsewhere; put the demo on the Hub."""

import argparse
from pathlib import Path
from typing import Any

from fer_zoo.commands.parts import add_command, add_data


def add_parsers(parsers: Any) -> None:
    export = add_command(
        parsers, "export", run_export, "write a model's folder elsewhere, smaller, or as ONNX"
    )
    export.add_argument("model", metavar="NAME|DIR")
    export.add_argument("--format", choices=["safetensors", "onnx"], default="safetensors")
    export.add_argument("--half", action="store_true", help="store 16-bit floating point: half the size")
    export.add_argument(
        "--int8",
        action="store_true",
        help="8-bit ONNX, calibrated on --data; tells its cost in accuracy",
    )
    add_data(export)
    export.add_argument("--out", required=True, metavar="DIR")
    push = add_command(
        parsers, "push-space", run_push_space, "put the demo on the Hugging Face Hub as a Space"
    )
    push.add_argument("repo", metavar="OWNER/NAME")
    push.add_argument("--private", action="store_true", help="only you may see a Space that is made now")
    push.add_argument("--dry-run", action="store_true", help="list the files that would go, without network")


def run_export(arguments: argparse.Namespace) -> None:
    from fer_zoo.errors import FerZooError
    from fer_zoo.export import export_artifact, export_onnx
    from fer_zoo.hub import find_artifact

    folder, out = find_artifact(arguments.model), Path(arguments.out)
    if arguments.format == "onnx":
        if arguments.half:
            raise FerZooError("--half is for --format safetensors; an ONNX file has 32-bit weights.")
        path = _export_int8(folder, out, arguments.data) if arguments.int8 else export_onnx(folder, out)
    elif arguments.int8:
        raise FerZooError("--int8 is for --format onnx; for smaller safetensors use --half.")
    else:
        path = export_artifact(folder, out, half=arguments.half)
    print(f"Wrote {path}")


def _export_int8(folder: Path, out: Path, data: str | None) -> Path:
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.export import export_int8
    from fer_zoo.onnx_int8 import format_int8

    path, report = export_int8(folder, out, read_fer2013(data))
    print(format_int8(report))
    return path


def run_push_space(arguments: argparse.Namespace) -> None:
    from fer_zoo.space_repo import check_name, list_space_files, push_space

    if not arguments.dry_run:
        print(f"The demo is at {push_space(arguments.repo, arguments.private)}")
        return
    check_name(arguments.repo)
    sizes = {place: path.stat().st_size for place, path in list_space_files().items()}
    for place, size in sizes.items():
        print(f"{size:>12,}  {place}")
    print(f"{sum(sizes.values()):>12,}  bytes in {len(sizes)} files would go to {arguments.repo}")
