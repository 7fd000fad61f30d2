"""The model card of an artifact, every number and picture of which is made from its config.json."""

from pathlib import Path
from typing import Any

from fer_zoo.artifact import ENSEMBLE, read_config
from fer_zoo.cards.origin import tell_members, tell_start_licence, tell_training
from fer_zoo.cards.scores import explain_results, list_classes, list_results, tell_ferplus_and_speed
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import ArtifactError
from fer_zoo.files import write_atomically, write_text
from fer_zoo.registry import find_architecture

LIMITS = """\
- **Good for**: experiments, teaching, comparing models on FER2013, rough sorting of pictures of faces.
- **Not for**: judging what a person feels, thinks or intends, nor any decision about a person.

The model repeats the labelling habit of one data set of web images; a face is not a feeling. Nobody
recorded whose faces these are, so how fair the model is to people of different ages or origins cannot be
measured here.

The data has known faults: human agreement with its labels is about 65 %, a clear majority of ten FER+ raters
agrees with 61 % of the PrivateTest labels (fear: 13 %), about 176 images show no face, and 8 % of the test
images also stand in Training, byte for byte. Accuracy without those is given beside each figure."""

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
        f"## Results\n\n{list_results(metrics)}" if metrics else "Not measured yet.\n",
        explain_results(name) if metrics else "",
        tell_ferplus_and_speed(block),
        list_classes(name, metrics),
        f"## Limits\n\n{LIMITS}\n",
        f"## Training\n\n{tell_members(block) if name == ENSEMBLE else tell_training(block)}"
        if name == ENSEMBLE or "training" in block
        else "",
        f"## Licence\n\n{LICENCE}{tell_start_licence(block)}\n",
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
