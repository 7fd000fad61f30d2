"""The findings of a data audit: files for programs, and a page of pictures for people."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from markupsafe import Markup

from fer_zoo.data.audit import (
    BLANK,
    KINDS,
    LABEL,
    NO_FACE,
    Collection,
    Finding,
    count_findings,
    list_left_out,
)
from fer_zoo.data.exclude import COLUMNS, REASON_COLUMN, REASON_SEPARATOR
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.labels_and_splits import PRIVATE, USAGES
from fer_zoo.data.quality import EXACT, MIRRORED, NEAR
from fer_zoo.reports.kit import (
    Number,
    Section,
    encode_face,
    render_faces,
    render_page,
    render_table,
    say,
)
from fer_zoo.reports.model_report import render_footer
from fer_zoo.utils.files import write_atomically, write_text

Item = TypeVar("Item")
SHOWN = 48  # faces of each kind, spread over all of them
SHOWN_GROUPS = 24  # of faces that show one photo
GROUP_FACES = 4  # shown of each
WORDS = {
    BLANK: ("Blank", "One gray all over: there is nothing to learn."),
    NO_FACE: (
        "No face",
        "Raters, or models in doubt, see no face. It is left out where the detector finds none either.",
    ),
    EXACT: ("The same picture", "Equal to the pixel, in one split or in two."),
    NEAR: ("Nearly the same picture", "One photo: cropped, brightened, compressed or marked differently."),
    MIRRORED: ("Mirrored pictures", "One photo, once the other way round."),
    LABEL: ("Contradicted labels", "People, and models where they can tell, agree on another emotion."),
}
MEMORISED = (
    "The models were trained on the Training rows, so their word against a Training label counts for little: "
    "without FER+ such labels are underreported."
)


def write_audit(folder: Path, dataset: FER2013, collection: Collection, findings: list[Finding]) -> None:
    """Write findings.csv, exclude.csv (for `fer-zoo train --exclude`) and index.html."""
    rows = [
        (
            finding.kind,
            USAGES[collection.split[finding.row]],
            collection.index[finding.row],
            collection.label(finding.row),
            finding.group if finding.group >= 0 else "",
            "yes" if finding.left_out and collection.split[finding.row] != PRIVATE else "no",
            finding.reason,
        )
        for finding in findings
    ]
    head = ("kind", "split", "index", "label", "group", "left_out", "reason")
    _write_csv(folder / "findings.csv", head, rows)
    left_out = [
        (USAGES[collection.split[place]], collection.index[place], REASON_SEPARATOR.join(kinds))
        for place, kinds in list_left_out(collection, findings).items()
    ]
    _write_csv(folder / "exclude.csv", (*COLUMNS, REASON_COLUMN), left_out)
    write_text(folder / "index.html", build_audit(dataset, collection, findings))


def build_audit(dataset: FER2013, collection: Collection, findings: Sequence[Finding]) -> str:
    """The page of pictures."""
    counts = count_findings(collection, list(findings))
    left_out = counts["left_out"]
    numbers = [Number(WORDS[kind][0], f"{sum(counts[kind].values()):,}", "faces") for kind in KINDS]
    note = f"of {(collection.split != PRIVATE).sum():,} in Training and PublicTest"
    numbers.append(Number(_name_kind("left_out"), f"{sum(left_out.values()):,}", note))
    table = render_table(
        ("found", *USAGES),
        [
            (
                _name_kind(kind),
                *(f"{counts[kind][usage]:,}" for usage in USAGES),
            )
            for kind in counts
        ],
    )
    lead = say(
        "findings.csv lists every face with its reason. exclude.csv names the faces of Training and "
        "PublicTest that <code>fer-zoo train --exclude</code> leaves out; PrivateTest stays whole. "
        + MEMORISED
    )
    sections = [Section("counts", "Counts", lead + table)]
    for kind in KINDS:
        found = [finding for finding in findings if finding.kind == kind]
        if found:
            title, words = WORDS[kind]
            pictures = (
                _show_groups(collection, found, findings)
                if kind in (EXACT, NEAR, MIRRORED)
                else _show_single(collection, found)
            )
            sections.append(Section(kind.replace(" ", "-"), title, say(words) + pictures))
    title = "What is wrong with the data"
    lead_text = (
        f"{len(collection.split):,} faces looked at, {len({one.row for one in findings}):,} with a finding."
    )
    return render_page(title, lead_text, numbers, sections, render_footer(dataset))


def format_counts(counts: dict[str, dict[str, int]]) -> str:
    """The counts as text: a line a kind, a column a split."""
    lines = [f"{'':24}" + "".join(f"{usage:>13}" for usage in USAGES)]
    for kind, row in counts.items():
        lines.append(f"{_name_kind(kind):24}" + "".join(f"{row[usage]:>13,}" for usage in USAGES))
    return "\n".join(lines)


def _name_kind(kind: str) -> str:
    return WORDS[kind][0] if kind in WORDS else "Left out by exclude.csv"


def _spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` items, evenly over all."""
    step = max(1.0, len(items) / most)
    return [items[int(place * step)] for place in range(min(most, len(items)))]


def _show_single(collection: Collection, findings: Sequence[Finding]) -> Markup:
    cards = []
    for finding in _spread(findings, SHOWN):
        words = f"{collection.name(finding.row)}, labeled {collection.label(finding.row)}"
        caption = Markup("<b>{}</b><br>{}").format(collection.name(finding.row), finding.reason)
        cards.append(([encode_face(collection.faces.pixels[finding.row, 0])], words, caption))
    return _count_shown(len(cards), len(findings)) + render_faces(cards)


def _show_groups(collection: Collection, found: Sequence[Finding], findings: Sequence[Finding]) -> Markup:
    """Side by side the faces that show one photo, of every group in which one face was `found`."""
    members: dict[int, list[Finding]] = {}
    for finding in findings:
        members.setdefault(finding.group, []).append(finding)
    groups = [members[number] for number in dict.fromkeys(finding.group for finding in found)]
    cards = []
    for group in _spread(groups, SHOWN_GROUPS):
        shown = group[:GROUP_FACES]
        names = [f"{collection.name(one.row)} ({collection.label(one.row)})" for one in shown]
        more = f" and {len(group) - len(shown)} more" if len(group) > len(shown) else ""
        pictures = [encode_face(collection.faces.pixels[one.row, 0]) for one in shown]
        cards.append((pictures, "faces that show one photo", Markup("{}{}").format("; ".join(names), more)))
    return _count_shown(len(cards), len(groups), "groups") + render_faces(cards, "pairs")


def _count_shown(shown: int, found: int, what: str = "faces") -> Markup:
    return say("Shown: {:,} of {:,} {}.", shown, found, what) if shown < found else Markup("")


def _write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *rows])

    write_atomically(path, write)
