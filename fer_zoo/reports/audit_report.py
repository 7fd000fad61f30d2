"""The findings of a data audit: files for programs, and a page of images for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from fer_zoo.data.audit import (
    BLANK,
    KINDS,
    LABEL,
    NO_FACE,
    SUSPECT,
    Collection,
    Finding,
    count_findings,
    list_left_out,
)
from fer_zoo.data.exclude import COLUMNS, REASON_COLUMN, REASON_SEPARATOR
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.label_suspects import Suspect
from fer_zoo.data.labels_and_splits import PRIVATE, TRAINING, USAGES
from fer_zoo.data.quality import EXACT, MIRRORED, NEAR
from fer_zoo.reports.rendering import FaceFigure, encode_face, render_page
from fer_zoo.utils.files import write_csv, write_text

Item = TypeVar("Item")
SHOWN_FACES = 48  # of each kind, spread over all of them
SHOWN_GROUPS = 24  # of faces that show one photo
GROUP_FACES = 4  # shown of each
TITLES = {
    BLANK: "Blank",
    NO_FACE: "No face",
    EXACT: "Exact duplicates",
    NEAR: "Near duplicates",
    MIRRORED: "Mirrored duplicates",
    LABEL: "Contradicted labels",
    SUSPECT: "Suspect labels",
    "left_out": "Left out by exclude.csv",
}
DESCRIPTIONS = {
    BLANK: "One gray level all over: there is nothing to learn.",
    NO_FACE: "Raters see no face, or no model is confident. Left out if the face detector finds none either.",
    EXACT: "Equal pixel for pixel, within a split or across splits.",
    NEAR: "One photo: cropped, brightened, compressed or watermarked differently.",
    MIRRORED: "One photo and its mirror image.",
    LABEL: "Raters, and models where they can tell, agree on another emotion.",
    SUSPECT: "Models that have not seen the label predict another class; the most suspicious first. Not left "
    "out by exclude.csv: delete the lines of suspects.csv that you disagree with, then "
    "fer-zoo train --exclude suspects.csv.",
}
SUSPECT_COLUMNS = (*COLUMNS, "file", "label", "suggested", "label_probability", "suggested_probability")


def write_audit(
    folder: Path,
    dataset: FER2013,
    collection: Collection,
    findings: list[Finding],
    suspects: Sequence[Suspect] | None = None,
) -> None:
    """Write findings.csv, exclude.csv (for `fer-zoo train --exclude`) and index.html.

    suspects: where labels were cross-validated, for suspects.csv, which `--exclude` takes too.
    """
    rows = [
        (
            finding.kind,
            USAGES[collection.split[finding.row]],
            collection.index[finding.row],
            collection.label(finding.row),
            finding.group if finding.group >= 0 else "",
            "yes" if finding.left_out and collection.split[finding.row] != PRIVATE else "no",
            finding.reason,
            _name_file(collection, finding.row),
        )
        for finding in findings
    ]
    head = ("kind", "split", "index", "label", "group", "left_out", "reason", "file")
    write_csv(folder / "findings.csv", [head, *rows], lineterminator="\n")
    left_out = [
        (USAGES[collection.split[face]], collection.index[face], REASON_SEPARATOR.join(kinds))
        for face, kinds in list_left_out(collection, findings).items()
    ]
    write_csv(folder / "exclude.csv", [(*COLUMNS, REASON_COLUMN), *left_out], lineterminator="\n")
    if suspects is not None:
        listed = _list_suspects(collection, suspects)
        write_csv(folder / "suspects.csv", [SUSPECT_COLUMNS, *listed], lineterminator="\n")
    page = render_page(
        "audit.html",
        title="Data audit",
        dataset=dataset,
        checked=len(collection.split),
        found=len({finding.row for finding in findings}),
        trainable=int((collection.split != PRIVATE).sum()),
        counts=count_findings(collection, findings),
        titles=TITLES,
        usages=USAGES,
        kinds=[_describe_kind(collection, kind, findings) for kind in KINDS],
    )
    write_text(folder / "index.html", page)


def _name_file(collection: Collection, row: int) -> str:
    """Of data that consists of files."""
    return collection.faces.names[row] if collection.faces.names else ""


def _list_suspects(collection: Collection, suspects: Sequence[Suspect]) -> list[tuple[object, ...]]:
    return [
        (
            USAGES[TRAINING],
            collection.index[suspect.row],
            _name_file(collection, suspect.row),
            collection.label(suspect.row),
            collection.faces.classes[suspect.suggested],
            f"{suspect.label_probability:.4f}",
            f"{suspect.suggested_probability:.4f}",
        )
        for suspect in suspects
    ]


def format_counts(counts: dict[str, dict[str, int]]) -> str:
    """The counts as text: a line for each kind, a column for each split."""
    lines = [f"{'':24}" + "".join(f"{usage:>13}" for usage in USAGES)]
    for kind, row in counts.items():
        lines.append(f"{TITLES[kind]:24}" + "".join(f"{row[usage]:>13,}" for usage in USAGES))
    return "\n".join(lines)


def _describe_kind(collection: Collection, kind: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Title, description and some faces of a kind, or some of the groups in which one face is of it."""
    found = [finding for finding in findings if finding.kind == kind]
    described = {"name": kind, "title": TITLES[kind], "description": DESCRIPTIONS[kind]}
    if kind not in (EXACT, NEAR, MIRRORED):
        shown = found[:SHOWN_FACES] if kind == SUSPECT else _spread(found, SHOWN_FACES)
        figures = [_show_face(collection, finding) for finding in shown]
        return {**described, "grouped": False, "total": len(found), "figures": figures}
    members: dict[int, list[Finding]] = {}
    for finding in findings:
        members.setdefault(finding.group, []).append(finding)
    groups = [members[number] for number in dict.fromkeys(finding.group for finding in found)]
    figures = [_show_group(collection, group) for group in _spread(groups, SHOWN_GROUPS)]
    return {**described, "grouped": True, "total": len(groups), "figures": figures}


def _spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` items, evenly over all."""
    step = max(1.0, len(items) / most)
    return [items[int(number * step)] for number in range(min(most, len(items)))]


def _show_face(collection: Collection, finding: Finding) -> FaceFigure:
    name = collection.name(finding.row)
    alt = f"{name}, labeled {collection.label(finding.row)}"
    return FaceFigure([encode_face(collection.faces.pixels[finding.row, 0])], alt, name, finding.reason)


def _show_group(collection: Collection, group: Sequence[Finding]) -> FaceFigure:
    shown = [finding.row for finding in group[:GROUP_FACES]]
    names = "; ".join(f"{collection.name(face)} ({collection.label(face)})" for face in shown)
    more = f" and {len(group) - len(shown)} more" if len(group) > len(shown) else ""
    images = [encode_face(collection.faces.pixels[face, 0]) for face in shown]
    return FaceFigure(images, "faces that show one photo", text=names + more)
