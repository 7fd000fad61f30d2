"""Where a card's model comes from: command, start weights, teachers, recipe, members."""

from typing import Any

from fer_zoo.recipes.recipe import build_recipe, list_recipes, load_recipe
from fer_zoo.registry import find_architecture

TARGETS = {
    "ferplus": "It learned the shares of FER+'s votes in place of FER2013's labels. ",
    "both": "Each face's target was one half FER2013's label, one half what FER+'s votes make likely. ",
}


def tell_training(block: dict[str, Any]) -> str:
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


def tell_members(block: dict[str, Any]) -> str:
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


def tell_start_licence(block: dict[str, Any]) -> str:
    start = block.get("pretrained")
    while isinstance(start, dict):  # a trained model may have begun with ImageNet weights itself
        start = start.get("pretrained")
    if not start:
        return ""
    return "\nThe start weights are ImageNet weights under Apache-2.0, whose pictures are for research."
