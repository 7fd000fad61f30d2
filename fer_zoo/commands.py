"""What each command does: read the options, call the library, print for people or as one JSON value."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False))


def run_list(arguments: argparse.Namespace) -> None:
    from fer_zoo.hub import list_models

    rows = list_models()
    if arguments.json:
        _print_json(rows)
        return
    print(
        f"{'name':<19}{'PrivateTest':>12}{'95 % interval':>16}{'macro-F1':>10}{'ECE':>7}{'params':>9}"
        f"{'size':>9}{'one face':>10}  note"
    )
    for row in rows:
        print(_format_row(row))
    print(
        '\nA model with a figure loads by name: fer_zoo.load("cnn-baseline"). The others: '
        "fer-zoo train --arch NAME\nPrivateTest: 3,589 faces, one view each. ECE: expected calibration "
        "error. One face: on two CPU threads."
    )


def _format_row(row: dict[str, Any]) -> str:
    score, speed = row["metrics"].get("private"), row["latency"]
    cells = ["-", "-", "-", "-"]
    if score:
        low, high = score["accuracy_ci95"]
        cells = [f"{score['accuracy']:.2%}", f"{low:.1%} - {high:.1%}"]
        cells += [f"{score['macro_f1']:.3f}", f"{score['ece']:.3f}"]
    size = f"{row['bytes'] / 1e6:.1f} MB" if row["bytes"] else "-"
    latency = f"{speed['milliseconds']:.1f} ms" if speed else "-"
    return (
        f"{row['name']:<19}{cells[0]:>12}{cells[1]:>16}{cells[2]:>10}{cells[3]:>7}"
        f"{row['params'] / 1e6:>7.1f} M{size:>9}{latency:>10}  {row['note']}"
    )


def run_data_info(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.data.quality import describe, format_description

    description = describe(read_fer2013(arguments.data))
    if arguments.json:
        _print_json(description)
    else:
        print(format_description(description))


def run_data_show(arguments: argparse.Namespace) -> None:
    import numpy as np

    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.data.pictures import draw_grid, draw_histogram

    dataset = read_fer2013(arguments.data)
    folder = Path(arguments.out)
    folder.mkdir(parents=True, exist_ok=True)
    draw_histogram(dataset, folder / "classes.png")
    generator = np.random.default_rng(arguments.seed)
    draw_grid(dataset, arguments.split, folder / "faces.png", generator=generator)
    print(f"Wrote {folder / 'classes.png'} and {folder / 'faces.png'}")


def run_data_synth(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.synthetic import write_synthetic

    path = Path(arguments.out)
    write_synthetic(path, count=arguments.count, seed=arguments.seed)
    print(
        f"Wrote {arguments.count} drawn faces. Next: fer-zoo train --arch cnn-baseline --data "
        f"{path} --epochs 5"
    )


def run_train(arguments: argparse.Namespace) -> None:
    from fer_zoo.cards import write_card
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.recipes.recipe import load_recipe
    from fer_zoo.registry import find_architecture
    from fer_zoo.training.trainer import fit

    row = find_architecture(arguments.arch)
    changes = list(arguments.set)
    if arguments.epochs is not None:
        changes.append(f"epochs={arguments.epochs}")
    recipe = load_recipe(arguments.recipe or row.recipe, changes)
    folder = Path(arguments.out or f"runs/{row.name}")
    dataset = read_fer2013(arguments.data)
    try:
        result = fit(
            row.name,
            dataset,
            recipe,
            out=folder,
            seed=arguments.seed,
            device=arguments.device,
            pretrained=arguments.pretrained,
            resume=arguments.resume,
        )
    except KeyboardInterrupt:
        print(
            "\nStopped. The finished epochs are kept: run the same command with --resume to go on.",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    write_card(folder)
    print(
        f"{row.name}: best epoch {result.best_epoch} of {result.epochs}, PublicTest "
        f"{result.public_accuracy:.2%}, "
        f"temperature {result.temperature:.2f}, {result.seconds / 60:.1f} minutes. Pictures and "
        f"weights: {folder}\n"
        f"Next: fer-zoo eval {folder} --split private"
    )


def run_eval(arguments: argparse.Namespace) -> None:
    from fer_zoo.cards import write_card
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.evaluation.report import evaluate_artifact
    from fer_zoo.hub import find_artifact

    folder = find_artifact(arguments.model)
    result = evaluate_artifact(
        folder,
        read_fer2013(arguments.data),
        split=arguments.split,
        tta=arguments.tta,
        device=arguments.device,
        pictures=Path(arguments.pictures) if arguments.pictures else None,
        ferplus=Path(arguments.ferplus) if arguments.ferplus else None,
        record=arguments.record,
    )
    if arguments.record:
        write_card(folder)
    if arguments.json:
        _print_json(result)
        return
    from fer_zoo.evaluation.metrics import format_evaluation

    print(format_evaluation(result))


def run_predict(arguments: argparse.Namespace) -> None:
    from fer_zoo.photos import expand_paths
    from fer_zoo.recognition.recognizer import Recognizer, format_recognition

    recognizer = Recognizer(arguments.models.split(","))
    results, broken = [], 0
    for result in recognizer.recognize_many(expand_paths(arguments.photos), whole=arguments.whole):
        if "error" in result:
            broken += 1
            print(f"fer-zoo: {result['error']}", file=sys.stderr)
        elif not result["faces"]:
            print(
                f"fer-zoo: no face found in {result['image']}; --whole takes the whole picture as the face.",
                file=sys.stderr,
            )
        results.append(result)
        if not arguments.json and "error" not in result:
            print(format_recognition(result))
    if arguments.json:
        _print_json(results)
    if broken:
        raise SystemExit(2)


def run_compare(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.evaluation.report import compare_artifacts, format_comparison
    from fer_zoo.hub import find_artifact

    folders = [find_artifact(name) for name in arguments.models]
    result = compare_artifacts(
        folders, read_fer2013(arguments.data), split=arguments.split, device=arguments.device
    )
    if arguments.json:
        _print_json(result)
    else:
        print(format_comparison(result))


def run_ensemble(arguments: argparse.Namespace) -> None:
    from fer_zoo.cards import write_card
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.evaluation.voting import build_ensemble
    from fer_zoo.hub import find_artifact

    out = Path(arguments.out)
    folders = [find_artifact(name) for name in arguments.models]
    metrics = build_ensemble(
        folders, read_fer2013(arguments.data), out, by_name=arguments.by_name, device=arguments.device
    )
    write_card(out)
    print(f"Wrote {out}: PublicTest {metrics['accuracy']:.2%}\nNext: fer-zoo eval {out} --split private")


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


def run_card(arguments: argparse.Namespace) -> None:
    from fer_zoo.cards import build_card, write_card
    from fer_zoo.hub import find_artifact

    folder = find_artifact(arguments.model)
    if arguments.out:
        write_card(folder, Path(arguments.out))
        print(f"Wrote the card into {arguments.out}")
    else:
        print(build_card(folder))


def run_demo(arguments: argparse.Namespace) -> None:
    from fer_zoo.demo import launch_demo

    launch_demo(port=arguments.port, open_browser=arguments.open)


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
