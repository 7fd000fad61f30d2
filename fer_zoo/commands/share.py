"""Write a model elsewhere; put the demo on the Hub."""

import argparse
from pathlib import Path
from typing import Any

from fer_zoo.commands.parts import add_command


def add_parsers(parsers: Any) -> None:
    export = add_command(
        parsers, "export", run_export, "write a model's folder elsewhere, smaller, or as ONNX"
    )
    export.add_argument("model", metavar="NAME|DIR")
    export.add_argument("--format", choices=["safetensors", "onnx"], default="safetensors")
    export.add_argument("--half", action="store_true", help="store 16-bit floating point: half the size")
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
        path = export_onnx(folder, out)
    else:
        path = export_artifact(folder, out, half=arguments.half)
    print(f"Wrote {path}")


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
