"""How a model is trained, as data: a validated record that is read from TOML and saved with the weights."""

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from fer_zoo.data.augment import Augmentation
from fer_zoo.errors import RecipeError, UnknownNameError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent
LARGEST = 1_000_000_000  # of any number in a recipe


@dataclass(frozen=True)
class Distillation:
    """teachers: names or folders of trained models, of which each batch asks one drawn at random; none turns
    distillation off. temperature: divides both sides' logits. weight: of the teachers in the loss; the labels
    have the rest.
    """

    teachers: tuple[str, ...] = ()
    temperature: float = 2.0
    weight: float = 0.8

    def __post_init__(self) -> None:
        if not isinstance(self.teachers, (list, tuple)) or not all(
            isinstance(name, str) for name in self.teachers
        ):
            raise RecipeError(
                f"distill.teachers is {self.teachers!r}; allowed is a list of names or folders of models."
            )
        object.__setattr__(self, "teachers", tuple(self.teachers))
        for name in ("temperature", "weight"):
            _check_value(f"distill.{name}", getattr(self, name), float)
        if not self.temperature or self.weight > 1:
            raise RecipeError(
                f"distill has temperature {self.temperature} and weight {self.weight}; allowed are a "
                "temperature above 0 and a weight from 0 to 1."
            )


@dataclass(frozen=True)
class Recipe:
    """Every choice of a training run. A recipe file states its deviations from these defaults, each with
    its reason.

    optimizer: muon is for matrices and convolutions, NAdamW for the head and the rest. learning_rate: the
    highest of the schedule. momentum: of sgd. backbone_lr_mult: learning rate of the pretrained part
    relative to the head's. freeze_epochs: the backbone is frozen that long. interpolate_init: a run
    that starts from a trained model ends with the mean of both weights that suits PublicTest best.
    warmup_epochs: linear rise at the start; 0 with one-cycle, which has its own. ema_decay: of the averaged
    weights that are evaluated and saved; 0 uses the last weights. patience: epochs without a better
    PublicTest accuracy before the run stops; 0 never stops. plateau_epochs: the same for one division of the
    learning rate by ten, in the plateau schedule. clip_norm: bound of the gradient's norm; 0 is off.
    batch_growth: factor of the batch size after every growth_epochs epochs, up to max_batch_size; 0 is off.
    class_weights, focal_gamma and logit_adjustment are explained in `fer_zoo.training.losses`. dropout,
    head_width: instead of the architecture's own, where it has them. normalize: false leaves gray in [0, 1].
    compile: by torch.compile, which takes its time first.
    """

    epochs: int = 40
    batch_size: int = 128
    optimizer: Literal["adamw", "adam", "sgd", "muon"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = "one-cycle"
    warmup_epochs: float = 0.0
    plateau_epochs: int = 5
    label_smoothing: float = 0.0
    class_weights: Literal["none", "sqrt", "inverse", "effective"] = "none"
    balanced_sampling: bool = False
    focal_gamma: float = 0.0
    logit_adjustment: float = 0.0
    batch_growth: float = 0.0
    growth_epochs: int = 10
    max_batch_size: int = 4096
    dropout: float | None = None
    head_width: int | None = None
    normalize: bool = True
    ema_decay: float = 0.0
    clip_norm: float = 0.0
    patience: int = 0
    backbone_lr_mult: float = 1.0
    freeze_epochs: int = 0
    interpolate_init: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    channels_last: bool = True
    compile: bool = False
    augment: Augmentation = field(default_factory=Augmentation)
    distill: Distillation = field(default_factory=Distillation)

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name not in TABLES:
                _check_value(item.name, getattr(self, item.name), item.type)
        for name in ("epochs", "batch_size", "learning_rate", "plateau_epochs", "growth_epochs"):
            if getattr(self, name) <= 0:
                raise RecipeError(f"{name} is {getattr(self, name)!r}; allowed is a number above 0.")
        for name in ("label_smoothing", "ema_decay", "momentum"):
            if getattr(self, name) >= 1:
                raise RecipeError(
                    f"{name} is {getattr(self, name)!r}; allowed is a number from 0 to below 1."
                )
        if 0 < self.batch_growth < 1:
            raise RecipeError(f"batch_growth is {self.batch_growth!r}; allowed is 0 (off), or 1 or more.")
        if self.balanced_sampling and self.logit_adjustment:
            raise RecipeError(
                "balanced_sampling and logit_adjustment are both on, and each alone evens out the classes; "
                "choose one and switch the other off."
            )


def _check_value(name: str, value: Any, kind: Any) -> None:
    if get_origin(kind) is UnionType:
        kind = next(part for part in get_args(kind) if part is not NoneType)
        if value is None:
            return
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise RecipeError(f"{name} is {value!r:.60}; allowed: {', '.join(get_args(kind))}.")
    elif kind is bool:
        if not isinstance(value, bool):
            raise RecipeError(f"{name} is {value!r:.60}; allowed: true, false.")
    elif (
        isinstance(value, bool)
        or not isinstance(value, (int, float) if kind is float else int)
        or not 0 <= value <= LARGEST
    ):
        what = "a number" if kind is float else "a whole number"
        raise RecipeError(f"{name} is {value!r:.60}; allowed is {what} from 0 to {LARGEST:,}.")


TABLES: dict[str, Any] = {"augment": Augmentation, "distill": Distillation}


# Settings of version 0.1.0 (config.json of its runs, recipes of its users) by the names that they have now.
RENAMED = {"normalise": "normalize", "backbone_factor": "backbone_lr_mult", "mix_start": "interpolate_init"}
RENAMED_IN_TABLES = {"augment": {"cut": "train_crop"}, "distill": {"share": "weight"}}


def upgrade_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of any version by the names of this one. Raises RecipeError for one that is gone."""
    if settings.get("augment_as_row"):
        raise RecipeError("augment_as_row is no longer supported: it repeated a mistake. Leave it out.")
    upgraded = {
        RENAMED.get(name, name): value for name, value in settings.items() if name != "augment_as_row"
    }
    for table, renamed in RENAMED_IN_TABLES.items():
        if isinstance(upgraded.get(table), Mapping):
            upgraded[table] = {renamed.get(name, name): value for name, value in upgraded[table].items()}
    return upgraded


def build_recipe(settings: Mapping[str, Any]) -> Recipe:
    """Of a (nested) mapping such as TOML or a saved config. Raises RecipeError, UnknownNameError."""
    settings = upgrade_settings(settings)
    check_names(settings, {item.name for item in fields(Recipe)}, "recipe setting")
    tables = {}
    for name, record in TABLES.items():
        table = settings.get(name, {})
        if not isinstance(table, Mapping):
            raise RecipeError(f"{name} is {table!r}; allowed is a table of its settings.")
        check_names(table, {item.name for item in fields(record)}, f"{name} setting")
        tables[name] = record(**table)
    return Recipe(**{**settings, **tables})


def check_names(settings: Mapping[str, Any], allowed: Collection[str], kind: str) -> None:
    """Raises UnknownNameError for the first name that is not allowed."""
    for name in settings:
        if name not in allowed:
            raise UnknownNameError(kind, name, allowed)


def list_recipes() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str | Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe of that name in this folder, or of a TOML file, with changes such as `epochs=3` or
    `augment.flip=0`. A [search] table is for `fer_zoo.experiments.search_space`.

    Raises RecipeError or UnknownNameError.
    """
    settings = read_settings(name)
    settings.pop("search", None)
    for change in changes:
        _apply_change(settings, change)
    return build_recipe(settings)


def read_settings(name: str | Path) -> dict[str, Any]:
    """What that recipe, or a TOML file, says, as yet unchecked. Raises RecipeError or UnknownNameError."""
    path = Path(name)
    if path.suffix != ".toml":
        if str(name) not in list_recipes():
            raise UnknownNameError("recipe", str(name), [*list_recipes(), "or a path that ends in .toml"])
        path = FOLDER / f"{name}.toml"
    return read_toml(path, "recipe")


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Raises RecipeError for a file that is missing or no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"The {what} {str(path)!r} cannot be read: {str(error)[:200]}.") from error


def _apply_change(settings: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise RecipeError(
            f"--set got {change!r}; allowed is NAME=VALUE, for example epochs=3 or augment.flip=0."
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    target = settings
    *tables, name = key.strip().split(".")
    for table in tables:
        target = target.setdefault(table, {})
        if not isinstance(target, dict):
            raise RecipeError(f"--set got {change!r}; {table} is one value and holds no {name}.")
    target[name] = value


def network_options(recipe: Recipe) -> dict[str, Any]:
    """What the recipe changes in the network itself, as `create_model` takes it."""
    options = {"dropout": recipe.dropout, "head_width": recipe.head_width}
    return {name: value for name, value in options.items() if value is not None}


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values for config.json; build_recipe reads it back."""
    return asdict(recipe)


def format_recipe(recipe: Recipe, heading: str, searched: Collection[str] = ()) -> str:
    """The recipe as TOML, its deviations from the defaults alone. searched: names (`augment.flip`) that get
    the comment that a search chose them.
    """
    plain = describe_recipe(Recipe())
    lines, tables = [f"# {heading}"], []
    for name, value in describe_recipe(recipe).items():
        if name in TABLES:
            changed = {key: one for key, one in value.items() if one != plain[name][key]}
            if changed:
                tables += ["", f"[{name}]"]
                tables += [
                    _format_line(key, one, f"{name}.{key}" in searched) for key, one in changed.items()
                ]
        elif value != plain[name]:
            lines.append(_format_line(name, value, name in searched))
    return "\n".join([*lines, *tables]) + "\n"


def _format_line(name: str, value: Any, searched: bool) -> str:
    # JSON's numbers, strings and lists of them are TOML's too
    return f"{name} = {json.dumps(value, ensure_ascii=False)}{' # searched' if searched else ''}"
