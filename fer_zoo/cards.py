"""The model card of an artifact, every number of which is read from its config.json."""

from pathlib import Path
from typing import Any

from fer_zoo.artifact import read_config
from fer_zoo.emotions import EMOTIONS
from fer_zoo.files import write_atomically
from fer_zoo.registry import find_architecture

SPLITS = {
    "private": "PrivateTest",
    "public": "PublicTest (the epoch and the temperature were chosen here)",
    "test": "PublicTest + PrivateTest",
    "train": "Training",
}

LIMITS = """\
**Good for**: experiments, teaching, comparing models on FER2013, rough sorting of pictures of faces.
**Not for**: judging what a person feels, thinks or intends, nor any decision about a person. The model
repeats the labelling habit of one data set of web images; a face is not a feeling.

The data has known faults: human agreement with its labels is about 65 %, the ten FER+ raters agree with 62 %
of the PrivateTest labels (fear: 13 %), and 8 % of the test images also stand in Training, byte for byte.
Accuracy without those is given beside each figure."""


def build_card(folder: Path) -> str:
    """Markdown with the Hub's front matter. Raises ArtifactError for a folder that is no model."""
    config = read_config(folder)
    block = config["fer_zoo"]
    row = find_architecture(block["name"])
    parts = [
        _front_matter(block),
        f"# {row.name}\n",
        f"{row.note}: {row.parameters / 1e6:.1f} M parameters, input of {block['input']['size']} "
        "pixels made from a 48x48 "
        f"grey face, seven emotions ({', '.join(EMOTIONS)}). Trained on FER2013 with fer_zoo.\n",
        "```python\nimport fer_zoo\n\n"
        f'fer_zoo.load("{row.name}").predict("face.png")  # {{"angry": 0.01, ...}}\n```\n',
        "## Results\n",
        _results_table(block["metrics"]),
        *(
            _class_table(block["metrics"][split], title)
            for split, title in SPLITS.items()
            if split in block["metrics"]
        ),
        f"## Limits\n\n{LIMITS}\n",
        "## Training\n",
        _training(row.name, block),
        "## Licence\n\nCode and weights: MIT. FER2013 is for research; its images are not part "
        "of this model.\n",
    ]
    return "\n".join(parts)


def write_card(folder: Path) -> None:
    """Write README.md into an artifact's folder."""
    text = build_card(folder)
    write_atomically(folder / "README.md", lambda path: path.write_text(text, encoding="utf-8"))


def _front_matter(block: dict[str, Any]) -> str:
    lines = ["---", "license: mit", "library_name: fer_zoo", "pipeline_tag: image-classification"]
    lines += ["tags:", "- facial-expression-recognition", "- fer2013"]
    score = block["metrics"].get("private")
    if score:
        lines += [
            "model-index:",
            f"- name: {block['name']}",
            "  results:",
            "  - task:",
            "      type: image-classification",
        ]
        lines += [
            "    dataset:",
            "      name: FER2013",
            "      type: fer2013",
            "      split: PrivateTest",
            "    metrics:",
        ]
        lines += ["    - type: accuracy", f"      value: {score['accuracy']:.4f}"]
        lines += ["    - type: f1", "      name: macro F1", f"      value: {score['macro_f1']:.4f}"]
    return "\n".join([*lines, "---", ""])


def _results_table(metrics: dict[str, Any]) -> str:
    lines = [
        "| split | views | n | accuracy | 95 % interval | without duplicates | macro-F1 | ECE |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for split, title in SPLITS.items():
        for tta in ("none", "flip", "tencrop"):
            score = metrics.get(split if tta == "none" else f"{split}_{tta}")
            if score:
                lines.append(_result_line(score, title, tta))
    return "\n".join(lines) + "\n"


def _result_line(score: dict[str, Any], title: str, tta: str) -> str:
    low, high = score["accuracy_ci95"]
    without = score["accuracy_no_duplicates"]
    return (
        f"| {title} | {'single' if tta == 'none' else tta} | {score['n']} | {100 * score['accuracy']:.2f} % "
        f"| {100 * low:.2f} - {100 * high:.2f} | {'-' if without is None else f'{100 * without:.2f} %'} "
        f"| {score['macro_f1']:.3f} | {score['ece']:.3f} |"
    )


def _class_table(score: dict[str, Any], title: str) -> str:
    lines = [
        f"### By emotion, {title}\n",
        "| emotion | precision | recall | F1 | n |",
        "|---|---|---|---|---|",
    ]
    for emotion, row in score["per_class"].items():
        lines.append(
            f"| {emotion} | {row['precision']:.3f} | {row['recall']:.3f} "
            f"| {row['f1']:.3f} | {row['support']} |"
        )
    return "\n".join(lines) + "\n"


def _training(name: str, block: dict[str, Any]) -> str:
    training, augment = block["training"], block["recipe"]["augment"]
    settings = {key: value for key, value in block["recipe"].items() if key != "augment"}
    table = ", ".join(f"{key} {value}" for key, value in [*settings.items(), *augment.items()] if value)
    versions = ", ".join(f"{library} {number}" for library, number in block["versions"].items())
    return (
        f"`fer-zoo train --arch {name} --seed {block['seed']}`: best of {training['epochs']} "
        "epochs by PublicTest accuracy: "
        f"number {training['best_epoch']}, {training['minutes']} minutes. Start weights: "
        f"{block['pretrained'] or 'none, from scratch'}. Temperature {block['temperature']:.3f}. "
        "Data fingerprint "
        f"{block['data_fingerprint']}. {versions}.\n\nRecipe: {table}.\n"
    )
