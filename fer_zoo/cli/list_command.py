"""List the models; print a card."""

import argparse
from typing import TYPE_CHECKING, Any

from fer_zoo.cli.arguments import add_command, print_result

if TYPE_CHECKING:
    from fer_zoo.artifacts.hub import ModelInfo


def add_parsers(parsers: Any) -> None:
    add_command(parsers, "list", run_list, "list the architectures and the packaged models").add_json()
    card = add_command(parsers, "card", run_card, "print a model's card, or write it with its plots")
    card.add_model()
    card.add_out("write NAME.md and two plots to this folder")


def run_list(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.hub import list_models

    print_result(arguments, list_models(), _format_rows)


def _format_rows(rows: "list[ModelInfo]") -> str:
    width = max(len(row["name"]) for row in rows)
    head = (
        f"{'name':<{width}}{'FER2013':>10}{'95 % interval':>16}{'macro-F1':>10}{'ECE':>7}{'FER+':>8}"
        f"{'ECE':>7}{'params':>9}{'size':>9}{'one face':>10}  note"
    )
    notes = (
        '\nA model with figures loads by name: fer_zoo.load("cnn-baseline"). The others: '
        "fer-zoo train --arch NAME\nFER2013: accuracy on the labels of the 3,589 PrivateTest faces, single "
        "view. FER+: agreement with the majority\nof its ten raters, on the 3,153 of these faces that have "
        "one. ECE: expected calibration error. One face: on two CPU threads."
    )
    return "\n".join([head, *(_format_row(row, width) for row in rows), notes])


def _format_row(row: "ModelInfo", width: int) -> str:
    score, speed = row["metrics"].get("private"), row["latency"]
    cells = ["-", "-", "-", "-"]
    if score:
        low, high = score["accuracy_ci95"]
        cells = [f"{score['accuracy']:.2%}", f"{low:.1%} - {high:.1%}"]
        cells += [f"{score['macro_f1']:.3f}", f"{score['ece']:.3f}"]
    raters = (score or {}).get("ferplus") or {}
    agreement = f"{raters['agreement']:.1%}" if raters else "-"
    error = f"{raters['ece']:.3f}" if "ece" in raters else "-"  # older artifacts have none
    size = f"{row['bytes'] / 1e6:.1f} MB" if row["bytes"] else "-"
    latency = f"{speed['milliseconds']:.1f} ms" if speed else "-"
    return (
        f"{row['name']:<{width}}{cells[0]:>10}{cells[1]:>16}{cells[2]:>10}{cells[3]:>7}{agreement:>8}"
        f"{error:>7}{row['params'] / 1e6:>7.1f} M{size:>9}{latency:>10}  {row['note']}"
    )


def run_card(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.card import build_card, write_card
    from fer_zoo.artifacts.resolve import resolve_folder

    folder = resolve_folder(arguments.model)
    if arguments.out:
        write_card(folder, arguments.out)
        print(f"Wrote the card into {arguments.out}")
    else:
        print(build_card(folder))
