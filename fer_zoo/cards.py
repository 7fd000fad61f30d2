"""The model card of an artifact, every number and picture of which is made from its config.json."""

from pathlib import Path
from typing import Any

from fer_zoo.artifact import ENSEMBLE, read_config
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import ArtifactError
from fer_zoo.files import write_atomically, write_text
from fer_zoo.recipes.recipe import build_recipe, list_recipes, load_recipe
from fer_zoo.registry import find_architecture

SPLITS = {
    "private": "PrivateTest",
    "public": "PublicTest",
    "test": "PublicTest + PrivateTest",
    "train": "Training",
}

LIMITS = """\
- **Good for**: experiments, teaching, comparing models on FER2013, rough sorting of pictures of faces.
- **Not for**: judging what a person feels, thinks or intends, nor any decision about a person.

The model repeats the labelling habit of one data set of web images; a face is not a feeling. Nobody
recorded whose faces these are, so how fair the model is to people of different ages or origins cannot be
measured here.

The data has known faults: human agreement with its labels is about 65 %, a clear majority of ten FER+ raters
agrees with 61 % of the PrivateTest labels (fear: 13 %), about 176 images show no face, and 8 % of the test
images also stand in Training, byte for byte. Accuracy without those is given beside each figure."""

TARGETS = {
    "ferplus": "It learned the shares of FER+'s votes in place of FER2013's labels. ",
    "both": "Each face's target was one half FER2013's label, one half what FER+'s votes make likely. ",
}

LICENCE = """\
Code and weights: MIT. FER2013 was released for research; its images are not part of this model."""


def build_card(folder: Path, hub_name: str | None = None) -> str:
    """Markdown with the Hub's front matter. Raises ArtifactError for a folder that is no model.

    Its two pictures lie beside it where `write_card` made it: NAME-confusion.png and NAME-reliability.png.
    hub_name: OWNER/NAME by which the card says that the model is loaded.
    """
    config = read_config(folder)
    try:
        return _join_parts(config, hub_name)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"{str(folder)!r} has a config.json without what a card tells ({type(error).__name__}: {error})."
        ) from error


def _join_parts(config: dict[str, Any], hub_name: str | None) -> str:
    block = config["fer_zoo"]
    name, metrics = block["name"], block["metrics"]
    parts = [
        _front_matter(block),
        f"# {name}\n",
        _summary(block),
        _usage(config, hub_name),
        f"## Results\n\n{_results_table(metrics)}" if metrics else "Not measured yet.\n",
        _explain_results(name) if metrics else "",
        _remarks(block),
        _classes(name, metrics),
        f"## Limits\n\n{LIMITS}\n",
        f"## Training\n\n{_members(block) if name == ENSEMBLE else _training(block)}"
        if name == ENSEMBLE or "training" in block
        else "",
        f"## Licence\n\n{LICENCE}{_start_licence(block)}\n",
    ]
    return "\n".join(part for part in parts if part)


def write_card(folder: Path, out: Path | None = None, hub_name: str | None = None) -> None:
    """Write the card with its pictures: README.md into the artifact's folder, or NAME.md into `out`."""
    from fer_zoo.evaluation.pictures import draw_confusion, draw_reliability

    block = read_config(folder)["fer_zoo"]
    text, place, name = build_card(folder, hub_name), out or folder, block["name"]
    place.mkdir(parents=True, exist_ok=True)
    card = place / (f"{name}.md" if out else "README.md")
    write_text(card, text)
    score = block["metrics"].get("private")
    if score:
        write_atomically(place / f"{name}-confusion.png", lambda path: draw_confusion(score, path))
        write_atomically(place / f"{name}-reliability.png", lambda path: draw_reliability(score, path))


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
            "    dataset:",
            "      name: FER2013",
            "      type: fer2013",
            "      split: PrivateTest",
            "    metrics:",
        ]
        lines += ["    - type: accuracy", f"      value: {score['accuracy']:.4f}"]
        lines += ["    - type: f1", "      name: macro F1", f"      value: {score['macro_f1']:.4f}"]
    return "\n".join([*lines, "---", ""])


def _summary(block: dict[str, Any]) -> str:
    if block["name"] == ENSEMBLE:
        names = [member["name"] for member in block["members"]]
        what = f"The weighted mean of the probabilities of {', '.join(names[:-1])} and {names[-1]}"
        size = sum(find_architecture(name).parameters for name in names)
    else:
        row = find_architecture(block["name"])
        what, size = row.note, row.parameters
    return (
        f"{what}. {size / 1e6:.1f} M parameters, input of {block['input']['size']} pixels made from a 48x48 "
        f"grey face, seven emotions ({', '.join(EMOTIONS)}). Trained on FER2013 with fer_zoo.\n"
    )


def _usage(config: dict[str, Any], hub_name: str | None) -> str:
    name = config["fer_zoo"]["name"]
    lines = [
        "```python",
        "import fer_zoo",
        "",
        f'fer_zoo.load("{hub_name or name}").predict("face.png")  # {{"angry": 0.01, ...}}',
        f'fer_zoo.load("{hub_name or name}", runtime="onnx").predict("face.png")  # the same without torch',
    ]
    if name != ENSEMBLE and find_architecture(name).timm_name:
        size = config["fer_zoo"]["input"]["size"]
        place = f"hf-hub:{hub_name}" if hub_name else "local-dir:FOLDER"
        lines += [
            "",
            "import timm",
            "",
            f"# the plain network on normalised grey ({size} pixels)"
            f"{'' if hub_name else ', from this folder'}",
            f'timm.create_model("{place}", pretrained=True)',
        ]
    return "\n".join([*lines, "```\n"])


def _results_table(metrics: dict[str, Any]) -> str:
    lines = [
        "| split | views | n | accuracy | 95 % interval | without duplicates | macro-F1 | ECE | log loss |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for split, title in SPLITS.items():
        for tta in ("none", "flip", "tencrop"):
            score = metrics.get(split if tta == "none" else f"{split}_{tta}")
            if score:
                lines.append(_result_line(score, title, tta))
    return "\n".join(lines) + "\n"


def _explain_results(name: str) -> str:
    chosen = "votes" if name == ENSEMBLE else "epoch"
    return (
        f"The {chosen} and the temperature were chosen on PublicTest, so PrivateTest is the honest figure. "
        "Without duplicates: without the faces that also stand in Training. Flip: the mean of a face and its "
        "mirror image. ECE: expected calibration error, the mean gap between confidence and accuracy.\n"
    )


def _result_line(score: dict[str, Any], title: str, tta: str) -> str:
    low, high = score["accuracy_ci95"]
    without = score["accuracy_no_duplicates"]
    return (
        f"| {title} | {'single' if tta == 'none' else tta} | {score['n']} | {100 * score['accuracy']:.2f} % "
        f"| {100 * low:.2f} - {100 * high:.2f} | {'-' if without is None else f'{100 * without:.2f} %'} "
        f"| {score['macro_f1']:.3f} | {score['ece']:.3f} | {score['nll']:.3f} |"
    )


def _remarks(block: dict[str, Any]) -> str:
    """What the table has no column for: FER+ and speed."""
    lines = []
    ferplus = block["metrics"].get("private", {}).get("ferplus")
    if ferplus:
        lines.append(
            f"On the {ferplus['n']:,} PrivateTest faces for which ten FER+ raters have a clear majority the "
            f"model agrees with it on {100 * ferplus['agreement']:.1f} %; FER2013's own labels do on "
            f"{100 * ferplus['labels_agreement']:.1f} %."
        )
    speed = block.get("latency")
    if speed:
        lines.append(
            f"One face takes {speed['milliseconds']:.1f} ms on {speed['threads']} CPU threads (median)."
        )
    return "\n\n".join(lines) + "\n" if lines else ""


def _classes(name: str, metrics: dict[str, Any]) -> str:
    """The split that counts with its pictures; the others folded."""
    tables = {split: _class_table(metrics[split], SPLITS[split]) for split in SPLITS if split in metrics}
    open_parts = [tables.pop("private", "")]
    if open_parts[0]:
        open_parts += [
            f"![{title} on PrivateTest]({name}-{picture}.png)\n"
            for picture, title in (("confusion", "Confusion matrix"), ("reliability", "Reliability"))
        ]
    if tables:
        open_parts.append(
            "<details><summary>By emotion on the other splits</summary>\n\n"
            + "\n".join(tables.values())
            + "\n</details>\n"
        )
    return "\n".join(part for part in open_parts if part)


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


def _training(block: dict[str, Any]) -> str:
    training, recipe = block["training"], block["recipe"]
    settings = {key: value for key, value in recipe.items() if not isinstance(value, dict)}
    settings |= recipe["augment"]
    if block.get("teachers"):
        settings |= {f"distill {key}": value for key, value in recipe["distill"].items() if key != "teachers"}
    table = ", ".join(f"{key} {value}" for key, value in settings.items() if value)
    used, share = (block.get("calibration", {}).get(key) for key in ("statistics_faces", "run_share"))
    versions = ", ".join(f"{library} {number}" for library, number in block["versions"].items())
    start = block["pretrained"]
    named = start["name"] if isinstance(start, dict) else start
    option = "" if not start else " --pretrained" if start is True else f" --pretrained {named}"
    taught = block.get("labels", "fer2013")
    labels = "" if taught == "fer2013" else f" --labels {taught}"
    teachers = ", ".join(f"{row['name']} (weights {row['sha256']})" for row in block.get("teachers", []))
    options = f"{_name_recipe(block)}{option}{labels} --seed {block['seed']}"
    return (
        f"`fer-zoo train --arch {block['name']}{options}"
        f"{' --ferplus-csv fer2013new.csv' if labels else ''}`: "
        f"epoch {training['best_epoch']} of {training['epochs']}, the best by PublicTest accuracy"
        f"{' against FER+' if taught == 'ferplus' else ''}; {training['minutes']} minutes. "
        f"Start weights: {_describe_start(start, share)}. {TARGETS.get(taught, '')}"
        f"{f'Teachers: {teachers}. ' if teachers else ''}Temperature {block['temperature']:.3f}. "
        f"{f'Statistics of batch normalisation: of {used:,} Training faces as they are. ' if used else ''}"
        f"Data fingerprint {block['data_fingerprint']}. {versions}.\n\nRecipe: {table}.\n"
    )


def _describe_start(start: Any, run_share: float | None) -> str:
    """Of what `Start.source` in `fer_zoo.training.start` has."""
    if not isinstance(start, dict):
        return str(start or "none, from scratch")
    cost = f", {start['epochs']} epochs, {start['minutes']} minutes" if "epochs" in start else ""
    kept = f", whose share of these weights is {1 - run_share:.1f}" if run_share else ""
    return f"the model {start['name']} (weights {start['sha256']}{cost}){kept}"


def _name_recipe(block: dict[str, Any]) -> str:
    """The option for the recipe, where it is another one than the architecture's own."""
    used, own = build_recipe(block["recipe"]), find_architecture(block["name"]).recipe
    if used == load_recipe(own):
        return ""
    names = [name for name in list_recipes() if load_recipe(name) == used]
    return f" --recipe {names[0]}" if names else ""


def _members(block: dict[str, Any]) -> str:
    names = " ".join(member["name"] for member in block["members"])
    lines = [
        f"`fer-zoo ensemble {names}`: votes chosen greedily on PublicTest by log loss, then one temperature "
        f"({block['temperature']:.3f}). Data fingerprint {block['data_fingerprint']}.\n",
        "| member | share of the vote | weights (SHA-256) |",
        "|---|---|---|",
    ]
    lines += [
        f"| {member['name']} | {member['weight']:.2f} | {member['sha256'][:16]} |"
        for member in block["members"]
    ]
    return "\n".join(lines) + "\n"


def _start_licence(block: dict[str, Any]) -> str:
    start = block.get("pretrained")
    while isinstance(start, dict):  # a trained model may have begun with ImageNet weights itself
        start = start.get("pretrained")
    if not start:
        return ""
    return "\nThe start weights are ImageNet weights under Apache-2.0, whose pictures are for research."
