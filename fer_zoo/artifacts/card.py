"""The model card of an artifact, every number and picture of which is made from its config.json."""

from pathlib import Path
from typing import Any

from fer_zoo.artifacts.artifact import list_embedded, name_model, read_config
from fer_zoo.artifacts.card_metadata import front_matter
from fer_zoo.artifacts.card_results import class_tables, ferplus_and_latency, results_note, results_table
from fer_zoo.artifacts.card_training import (
    members_section,
    pretrained_license,
    tell_change,
    tell_faces,
    training_section,
)
from fer_zoo.artifacts.train_command_line import is_of_fer2013
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import ArtifactError, escape, one_line
from fer_zoo.models.registry import find_architecture
from fer_zoo.models.weights import WEIGHTS
from fer_zoo.utils.files import write_atomically, write_text

# Others' words in a card: a config.json comes from anywhere, and a terminal and a web page show the card.
MAX_SIGNS = 300  # of one text
MARKUP = str.maketrans(dict.fromkeys("<>&`|[]*!#\"'$", "_"))  # of HTML, Markdown and shells

LIMITS = """\
- **Good for**: experiments, teaching, comparing models on FER2013, rough sorting of pictures of faces.
- **Not for**: judging what a person feels, thinks or intends, or any decision about a person.

The model repeats the labels of one data set of {images}; a face is not a feeling. Nobody recorded whose faces
these are, so fairness across ages and origins cannot be measured here."""

FER2013_FAULTS = """\
The data has known faults: human agreement with its labels is about 65 %; where ten FER+ raters have a
majority, it confirms 67 % of the PrivateTest labels (fear: 15 %); about 176 images show no face; and 8 % of
the test images are duplicated in Training, byte for byte (see the accuracy without those)."""

FOLDER = "path/to/this/folder"  # where the card of a model that is not the package's says that it is
MAX_LISTED = 20  # classes
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)

LICENSE_NOTE = """\
Code and weights: MIT. FER2013 was collected for research, and its own terms may limit commercial use of
models trained on it; none of its images is part of this model."""


def build_card(folder: Path, hub_name: str | None = None, usage: str | None = None) -> str:
    """Markdown with the Hub's front matter. Raises ArtifactError for a folder that is not a model.

    Its two pictures lie beside it where `write_card` made it: NAME-confusion.png and NAME-reliability.png.
    hub_name: OWNER/NAME by which the card says that the model is loaded; without it a model of the package
    is loaded by its name, any other by the path of its folder. usage: a section instead of that.
    """
    block = read_config(folder)["fer_zoo"]
    try:
        block, embedded = clean(block), _is_embedded(folder, name_model(block))
        address = hub_name or (name_model(block) if embedded else FOLDER)
        return _join_parts(block, address, embedded, usage)
    except UNREADABLE as error:
        raise _explain(folder, error) from error


def _is_embedded(folder: Path, name: str) -> bool:
    own = list_embedded().get(name)
    return own is not None and own.resolve() == folder.resolve()


def _explain(folder: Path, error: Exception) -> ArtifactError:
    reason = f"{type(error).__name__}: {one_line(error)}"
    return ArtifactError(f"{str(folder)!r} has a config.json without what a card needs ({reason}).")


def _join_parts(block: dict[str, Any], address: str, embedded: bool, usage: str | None) -> str:
    metrics = block["metrics"]
    parts = [
        front_matter(block),
        f"# {name_model(block)}\n",
        _summary(block),
        usage or _usage(block, address),
        f"## Results\n\n{results_table(metrics)}" if metrics else _tell_unmeasured(address),
        results_note(block) if metrics else "",
        ferplus_and_latency(block),
        class_tables(_name_files(block), metrics),
        f"## Limits\n\n{_tell_limits(block)}\n",
        _tell_origin(block, embedded),
        f"## License\n\n{LICENSE_NOTE}{pretrained_license(block)}\n",
    ]
    return "\n".join(part for part in parts if part)


def _name_files(block: dict[str, Any]) -> str:
    """Beginning of the names of a card's files: `architecture.tag` for released weights."""
    row = WEIGHTS.get(f"{block['name']}.{block.get('tag')}")
    return row.full_name if row else block["name"]


def _tell_unmeasured(address: str) -> str:
    command = f"fer-zoo eval {address} --data fer2013.csv --split private --record"
    return f"Not measured yet. This command measures it and writes the figures here: `{command}`\n"


def _tell_limits(block: dict[str, Any]) -> str:
    is_fer2013 = is_of_fer2013(block)
    limits = LIMITS.format(images="web images" if is_fer2013 else "images")
    return f"{limits}\n\n{FER2013_FAULTS}" if is_fer2013 else limits


def _tell_origin(block: dict[str, Any], embedded: bool) -> str:
    if "training" in block:
        text = training_section(block, embedded)
    elif "base_model" in block:
        text = tell_change(block)
    elif "members" in block:
        text = members_section(block)
    else:
        return ""
    return f"## Training\n\n{text}"


def write_card(folder: Path, out: Path | None = None, hub_name: str | None = None) -> None:
    """Write the card with its pictures: README.md into the artifact's folder, or NAME.md into `out`."""
    from fer_zoo.artifacts.score_plots import draw_confusion, draw_reliability

    block = read_config(folder)["fer_zoo"]
    text, target, name = build_card(folder, hub_name), out or folder, _name_files(block)
    target.mkdir(parents=True, exist_ok=True)
    write_text(target / (f"{name}.md" if out else "README.md"), text)
    score = block["metrics"].get("private")
    if score:
        try:
            write_atomically(target / f"{name}-confusion.png", lambda path: draw_confusion(score, path))
            write_atomically(target / f"{name}-reliability.png", lambda path: draw_reliability(score, path))
        except UNREADABLE as error:
            raise _explain(folder, error) from error


def _summary(block: dict[str, Any]) -> str:
    if "members" in block:
        names = [name_model(member) for member in block["members"]]
        what = f"The weighted mean of the probabilities of {', '.join(names[:-1])} and {names[-1]}"
        size = sum(find_architecture(member["name"]).parameters for member in block["members"])
    else:
        row = find_architecture(block["name"])
        released = WEIGHTS.get(f"{row.name}.{block.get('tag')}")
        what, size = (released and released.note) or row.note, row.parameters
    return (
        f"{what}. {size / 1e6:.1f} M parameters, input of {block['input']['size']} pixels made from a 48x48 "
        f"gray face, {_tell_classes(block['classes'])}.{tell_faces(block)}\n"
    )


def _tell_classes(classes: list[str]) -> str:
    kind = "seven emotions" if tuple(classes) == EMOTIONS else f"{len(classes)} classes"
    listed = ", ".join(classes[:MAX_LISTED])
    return f"{kind} ({listed}{', ...' if len(classes) > MAX_LISTED else ''})"


def _usage(block: dict[str, Any], address: str) -> str:
    answer = f'{{"{block["classes"][0]}": 0.01, ...}}'
    lines = [
        "```python",
        "import fer_zoo",
        "",
        "# a photo: finds its faces and scores each",
        f'fer_zoo.predict("photo.jpg", models="{address}")',
        "",
        f'# a picture of one face: {answer}; load(..., runtime="onnx") needs no PyTorch',
        f'model = fer_zoo.load("{address}")',
        'model.predict("face.png")',
    ]
    export = ""
    if "members" not in block and find_architecture(block["name"]).timm_name:
        size = block["input"]["size"]
        on_hub = address not in (name_model(block), FOLDER)
        source = f"hf-hub:{address}" if on_hub else f"local-dir:{FOLDER}"
        lines += [
            "",
            "import timm",
            "",
            f"# the plain network on normalized gray ({size} pixels){'' if on_hub else ', from this folder'}",
            f'timm.create_model("{source}", pretrained=True)',
        ]
        command = f"fer-zoo export {address} --format timm --rgb --out for_transformers"
        export = f"\nPipelines of transformers give color pictures; a folder for them:\n`{command}`\n"
    return "\n".join([*lines, f"```\n{export}"])


def clean(value: Any) -> Any:
    """The same, with every text in it shortened, printable, and without the signs of HTML and Markdown."""
    if isinstance(value, str):
        return escape(value[:MAX_SIGNS].translate(MARKUP))
    if isinstance(value, dict):
        return {clean(key): clean(part) for key, part in value.items()}
    return [clean(part) for part in value] if isinstance(value, list) else value
