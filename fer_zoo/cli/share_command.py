"""Write a model elsewhere; models to and from the Hub; the demo as a Space."""

import argparse
from pathlib import Path
from typing import Any

from fer_zoo.cli.arguments import add_command, format_command, print_result


def add_parsers(parsers: Any) -> None:
    export = add_command(parsers, "export", run_export, "export a model: smaller, as ONNX, or for timm")
    export.add_model()
    export.add_argument("--format", choices=["safetensors", "onnx", "timm"], default="safetensors")
    export.add_argument(
        "--rgb", action="store_true", help="for --format timm: three channels, for pipelines of transformers"
    )
    export.add_argument("--half", action="store_true", help="store 16-bit floating point: half the size")
    export.add_argument(
        "--int8",
        action="store_true",
        help="8-bit ONNX, calibrated on --data; reports its cost in accuracy",
    )
    export.add_data()
    export.add_out(required=True)
    push = add_command(parsers, "push", run_push, "upload a model to the Hugging Face Hub in one commit")
    push.add_model()
    _add_upload(push, "repository")
    push.add_argument("--revision", metavar="R", help="the branch, created if missing [main]")
    pull = add_command(parsers, "pull", run_pull, "download a model from the Hugging Face Hub")
    pull.add_argument("repo", metavar="OWNER/NAME", help="the repository")
    pull.add_argument("--revision", metavar="R", help="a branch, tag or commit [main]")
    pull.add_out("also write it to this folder, with its card and plots")
    pull.add_json()
    push = add_command(
        parsers, "push-space", run_push_space, "upload the demo to the Hugging Face Hub as a Space"
    )
    _add_upload(push, "Space")


def _add_upload(push: argparse.ArgumentParser, kind: str) -> None:
    push.add_argument("repo", metavar="OWNER/NAME", help="the repository, created if missing")
    push.add_argument("--private", action="store_true", help=f"make a newly created {kind} private")
    push.add_argument(
        "--dry-run", action="store_true", help="list the files that would be uploaded, without network"
    )


def run_export(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.export import export_artifact, export_onnx, export_timm
    from fer_zoo.artifacts.resolve import resolve_folder
    from fer_zoo.errors import FerZooError

    folder, out = resolve_folder(arguments.model), arguments.out
    if arguments.half and arguments.format != "safetensors":
        raise FerZooError(
            f"--half is for --format safetensors; {arguments.format} files have 32-bit weights."
        )
    if arguments.rgb and arguments.format != "timm":
        raise FerZooError("--rgb is for --format timm; the other formats take gray faces.")
    if arguments.int8:
        if arguments.format != "onnx":
            raise FerZooError("--int8 is for --format onnx; for smaller safetensors use --half.")
        from fer_zoo.evaluation.model_data import read_aligned_faces
        from fer_zoo.evaluation.quantize import export_int8, format_int8

        path, report = export_int8(folder, out, read_aligned_faces(folder, arguments.data)[0])
        print(format_int8(report))
    elif arguments.format == "onnx":
        path = export_onnx(folder, out)
    elif arguments.format == "timm":
        path = export_timm(folder, out, rgb=arguments.rgb)
    else:
        path = export_artifact(folder, out, half=arguments.half)
    print(f"Wrote {path}")


def run_push(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.hub import copy_for_hub, push_model
    from fer_zoo.artifacts.hub_push import prepare_push
    from fer_zoo.utils.hub_client import check_name

    check_name(arguments.repo)
    if arguments.dry_run:
        with prepare_push(copy_for_hub(arguments.model, arguments.repo)) as files:
            print_files(files, arguments.repo)
        return
    address = push_model(
        arguments.model, arguments.repo, private=arguments.private, revision=arguments.revision
    )
    pulled = f"{arguments.repo}@{arguments.revision}" if arguments.revision else arguments.repo
    print(f"The model is at {address}\nNext: {format_command('fer-zoo', 'pull', pulled)}")


def run_pull(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.hub import pull_model
    from fer_zoo.artifacts.resolve import fetch_model

    if arguments.out:
        pulled = pull_model(arguments.repo, arguments.out, arguments.revision)
    else:
        pulled = fetch_model(arguments.repo, arguments.revision)
    folder = str(arguments.out or pulled.path)
    result = {"repo": pulled.repo, "commit": pulled.commit, "folder": folder}
    print_result(arguments, result, lambda _: f"{pulled.repo} at {pulled.commit} is in {folder}")


def run_push_space(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.space import list_space_files, push_space
    from fer_zoo.utils.hub_client import check_name

    if not arguments.dry_run:
        print(f"The demo is at {push_space(arguments.repo, arguments.private)}")
        return
    check_name(arguments.repo, "Space")
    print_files(list_space_files(), arguments.repo)


def print_files(files: dict[str, Path], repo: str) -> None:
    """What a push would send: bytes and paths."""
    sizes = {name: path.stat().st_size for name, path in files.items()}
    for name, size in sizes.items():
        print(f"{size:>12,}  {name}")
    print(f"{sum(sizes.values()):>12,}  bytes in {len(sizes)} files would be uploaded to {repo}")
