"""How a model is trained, as data: a validated record that is read from TOML and saved with the weights."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
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
    distillation off. temperature: divides both sides' logits. share: of the loss that is the teachers'; the
    labels have the rest.
    """

    teachers: tuple[str, ...] = ()
    temperature: float = 2.0
    share: float = 0.8

    def __post_init__(self) -> None:
        if not isinstance(self.teachers, (list, tuple)) or not all(
            isinstance(name, str) for name in self.teachers
        ):
            raise RecipeError(
                f"distill.teachers is {self.teachers!r}; allowed is a list of names or folders of models."
            )
        object.__setattr__(self, "teachers", tuple(self.teachers))
        for name in ("temperature", "share"):
            _check_value(f"distill.{name}", getattr(self, name), float)
        if not self.temperature or self.share > 1:
            raise RecipeError(
                f"distill has temperature {self.temperature} and share {self.share}; allowed are a "
                "temperature above 0 and a share from 0 to 1."
            )


@dataclass(frozen=True)
class Recipe:
    """Every choice of a training run. A recipe file states its deviations from these defaults, each with
    its reason.

    learning_rate: the highest of the schedule. backbone_factor: learning rate of the pretrained part
    relative to the head's. freeze_epochs: the backbone stands still that long. warmup_epochs: linear rise
    at the start (cosine only). ema_decay: of the averaged weights that are evaluated and saved; 0 uses the
    last weights. patience: epochs without a better PublicTest accuracy before the run stops; 0 never stops.
    plateau_epochs: the same for one division of the learning rate by ten, in the plateau schedule.
    clip_norm: bound of the gradient's norm; 0 is off. compile: by torch.compile, which takes its time first.
    """

    epochs: int = 40
    batch_size: int = 128
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = "one-cycle"
    warmup_epochs: float = 0.0
    plateau_epochs: int = 5
    label_smoothing: float = 0.0
    class_weights: Literal["none", "sqrt", "inverse"] = "none"
    balanced_sampling: bool = False
    ema_decay: float = 0.0
    clip_norm: float = 0.0
    patience: int = 0
    backbone_factor: float = 1.0
    freeze_epochs: int = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    channels_last: bool = True
    compile: bool = False
    augment: Augmentation = field(default_factory=Augmentation)
    distill: Distillation = field(default_factory=Distillation)

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name not in TABLES:
                _check_value(item.name, getattr(self, item.name), item.type)
        for name in ("epochs", "batch_size", "learning_rate", "plateau_epochs"):
            if getattr(self, name) <= 0:
                raise RecipeError(f"{name} is {getattr(self, name)!r}; allowed is a number above 0.")
        for name in ("label_smoothing", "ema_decay", "momentum"):
            if getattr(self, name) >= 1:
                raise RecipeError(
                    f"{name} is {getattr(self, name)!r}; allowed is a number from 0 to below 1."
                )


def _check_value(name: str, value: Any, kind: Any) -> None:
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


def build_recipe(settings: Mapping[str, Any]) -> Recipe:
    """A recipe from a (nested) mapping such as a TOML file or a saved config. Raises RecipeError,
    UnknownNameError.
    """
    _check_names(settings, Recipe, "recipe setting")
    tables = {}
    for name, record in TABLES.items():
        table = settings.get(name, {})
        if not isinstance(table, Mapping):
            raise RecipeError(f"{name} is {table!r}; allowed is a table of its settings.")
        _check_names(table, record, f"{name} setting")
        tables[name] = record(**table)
    return Recipe(**{**settings, **tables})


def _check_names(settings: Mapping[str, Any], record: Any, kind: str) -> None:
    allowed = {item.name for item in fields(record)}
    for name in settings:
        if name not in allowed:
            raise UnknownNameError(kind, name, allowed)


def list_recipes() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str | Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe of that name in this folder, or of a TOML file, with changes such as `epochs=3` or
    `augment.flip=0`.

    Raises RecipeError or UnknownNameError.
    """
    path = Path(name)
    if path.suffix != ".toml":
        if str(name) not in list_recipes():
            raise UnknownNameError("recipe", str(name), [*list_recipes(), "or a path that ends in .toml"])
        path = FOLDER / f"{name}.toml"
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"The recipe {str(path)!r} cannot be read: {str(error)[:200]}.") from error
    for change in changes:
        _apply_change(settings, change)
    return build_recipe(settings)


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


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values for config.json; build_recipe reads it back."""
    return asdict(recipe)
