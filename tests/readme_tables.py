"""Tables of the pages, made from metrics and code: `python tests/readme_tables.py` rewrites them."""

import re
from pathlib import Path
from typing import Any

from fer_zoo.artifacts.hub import list_models
from fer_zoo.cli.argparse_private import list_commands
from fer_zoo.cli.main import build_parser
from fer_zoo.utils.files import write_text

ROOT = Path(__file__).parents[1]
FERPLUS_FACES = 3153  # of PrivateTest have a majority by the protocol of FER+'s authors
# Measured on 2026-11-28: FER2013 accuracy in %, ECE, agreement in % with FER+'s majority, and a remark.
PACKAGES = {
    "fer 25.10.3 (PyPI)": (65.42, 0.061, 66.9, ""),
    "@vladmandic/human 3.3.6 (npm)": (66.59, 0.102, 66.4, ""),
    "@vladmandic/face-api 1.7.15 (npm)": (58.93, 0.320, 68.6, " (may have seen test faces)"),
}


def build_models_table() -> str:
    """A row for all released weights that were measured on PrivateTest, and which to take."""
    lines = [
        "| weights | parameters | FER2013 accuracy (95 % CI) | FER+ agreement | ECE | latency |",
        "|---|---|---|---|---|---|",
    ]
    rows = _list_measured()
    return "\n".join([*lines, *map(_format_model, rows), "", *_choose(rows)])


def _list_measured() -> list[dict[str, Any]]:
    return [row for row in list_models() if "private" in row["metrics"]]


def _format_model(row: dict[str, Any]) -> str:
    score = row["metrics"]["private"]
    low, high = (100 * bound for bound in score["accuracy_ci95"])
    accuracy = f"{100 * score['accuracy']:.2f} % ({low:.1f} to {high:.1f})"
    ferplus = f"{100 * score['ferplus']['agreement']:.1f} %" if "ferplus" in score else "-"
    latency = f"{row['latency']['milliseconds']:.1f} ms" if row["latency"] else "-"
    cells = [
        f"`{row['name']}`",
        f"{row['params'] / 1e6:.1f} M",
        accuracy,
        ferplus,
        f"{_find_ece(row):.3f}",
        latency,
    ]
    return f"| {' | '.join(cells)} |"


def _find_ece(row: dict[str, Any]) -> float:
    """By the labels that the weights learned."""
    score = row["metrics"]["private"]
    return score["ferplus"]["ece"] if row["label_source"] == "ferplus" else score["ece"]


def _choose(rows: list[dict[str, Any]]) -> list[str]:
    """By PublicTest: PrivateTest chooses nothing."""
    singles = [row for row in rows if row["family"] != "ensemble"]
    timed = [row for row in singles if row["latency"] and row["label_source"] != "ferplus"]
    fastest = min(timed, key=lambda row: row["latency"]["milliseconds"])["name"]
    best, closest = (
        [max(group, key=score)["name"] for group in (rows, singles)]
        for score in (_find_accuracy, _find_agreement)
    )
    return [
        f"- By FER2013's labels: `{best[0]}`, or `{best[1]}` as one network; `{fastest}` is the fastest.",
        f"- As ten people would say: `{closest[0]}`, or `{closest[1]}` as one network.",
    ]


def _find_accuracy(row: dict[str, Any]) -> float:
    return row["metrics"].get("public", {}).get("accuracy", 0.0)


def _find_agreement(row: dict[str, Any]) -> float:
    return row["metrics"].get("public", {}).get("ferplus", {}).get("agreement", 0.0)


def build_packages_table() -> str:
    """Markdown: four of our models and other packages on the same faces."""
    lines = ["| package | FER2013 accuracy | ECE | FER+ agreement |", "|---|---|---|---|"]
    for row in _list_measured():
        if row["architecture"] in ("ensemble", "resnet_48"):
            score = row["metrics"]["private"]
            ferplus = score.get("ferplus", {})
            agreement = f"{100 * ferplus['agreement']:.1f} %" if ferplus.get("n") == FERPLUS_FACES else "-"
            cells = [
                f"`{row['name']}`",
                f"{100 * score['accuracy']:.2f} %",
                f"{_find_ece(row):.3f}",
                agreement,
            ]
            lines.append(f"| fer_zoo {' | '.join(cells)} |")
    for name, (accuracy, ece, agreement, remark) in PACKAGES.items():
        lines.append(f"| {name}{remark} | {accuracy:.2f} % | {ece:.3f} | {agreement:.1f} % |")
    return "\n".join(lines)


def build_commands_table() -> str:
    lines = ["| command | what it does |", "|---|---|"]
    rows = (f"| `{parser.prog}` | {parser.description} |" for parser, _ in list_commands(build_parser()))
    return "\n".join([*lines, *rows])


TABLES = {
    "models": ("README.md", build_models_table),
    "packages": ("README.md", build_packages_table),
    "commands": ("fer_zoo/docs/api.md", build_commands_table),
}


def find_table(name: str) -> str:
    """What stands between the page's two comments of that table."""
    text = (ROOT / TABLES[name][0]).read_text(encoding="utf-8")
    found = re.search(_pattern(name), text, flags=re.DOTALL)
    assert found, f"{TABLES[name][0]} has lost its comments around the table {name!r}"
    return found[1].strip()


def _pattern(name: str) -> str:
    return rf"(?<=<!-- {name}: python tests/readme_tables.py -->\n)(.*?)(?=<!-- /{name} -->)"


def rewrite_tables() -> None:
    for name, (page, build) in TABLES.items():
        before, _, after = re.split(
            _pattern(name), (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL
        )
        write_text(ROOT / page, f"{before}{build()}\n{after}")


if __name__ == "__main__":
    rewrite_tables()
