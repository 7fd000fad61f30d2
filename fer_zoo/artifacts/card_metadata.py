"""The front matter of a card, by which the Hugging Face Hub lists, filters and links a model."""

from typing import Any

from fer_zoo.artifacts.artifact import name_model
from fer_zoo.artifacts.train_command_line import is_of_fer2013
from fer_zoo.models.registry import Architecture, find_architecture
from fer_zoo.models.weights import WEIGHTS

METRICS = ["accuracy", "f1"]


def front_matter(block: dict[str, Any]) -> str:
    """YAML, without the lines of dashes around it.

    A network of timm's is listed under timm, with transformers as a tag: both open its folder.
    """
    from huggingface_hub import ModelCardData

    row = None if "members" in block else find_architecture(block["name"])
    is_fer2013, in_timm = is_of_fer2013(block), row is not None and row.timm_name is not None
    changed = block.get("base_model")
    with_raters = ["ferplus"] if learned_votes(block) else []
    is_scored = is_fer2013 and bool(block["metrics"].get("private"))
    data = ModelCardData(
        license="mit",
        library_name="timm" if in_timm else "fer_zoo",
        pipeline_tag="image-classification",
        base_model=changed["name"] if changed else find_base_model(row, block.get("pretrained")),
        base_model_sha256=changed and changed["sha256"],
        datasets=["fer2013", *with_raters] if is_fer2013 else None,
        metrics=METRICS if is_fer2013 else None,
        tags=[
            "facial-expression-recognition",
            *(["fer2013"] if is_fer2013 else []),
            *(["timm", "transformers"] if in_timm else []),
        ],
        model_name=name_model(block) if is_scored else None,
        eval_results=_list_results(block["metrics"]["private"], block.get("labels")) if is_scored else None,
    )
    return str(data.to_yaml())


def learned_votes(block: dict[str, Any]) -> bool:
    """Whether the model, or a member of the ensemble that the package has, learned from FER+'s votes too."""
    members = [WEIGHTS.get(f"{member['name']}.{member.get('tag')}") for member in block.get("members", [])]
    sources = [block.get("labels", "fer2013"), *(row.label_source for row in members if row)]
    return any(source != "fer2013" for source in sources)


def find_first_start(start: Any) -> Any:
    """What the first of the trainings that led to a model began with. start: `pretrained` of its block."""
    while isinstance(start, dict):
        start = start.get("pretrained")
    return start


def find_base_model(row: Architecture | None, start: Any) -> str | None:
    """The Hub's name of the ImageNet weights that a training began with, or its parents'; None without any.

    start: `pretrained` of a `fer_zoo` block. A file counts as timm's weights if it has the network's name.
    """
    start = find_first_start(start)
    if row is None or not row.timm_name or not start:
        return None
    is_imagenet = start is True or str(start).startswith(row.timm_name)
    return f"timm/{row.timm_name}.{row.timm_tag}" if is_imagenet else None


def _list_results(score: dict[str, Any], labels: str | None) -> list[Any]:
    """First those by the labels that the model learned."""
    from huggingface_hub import EvalResult

    task, split = "image-classification", "PrivateTest"
    fer2013: dict[str, Any] = {"dataset_type": "fer2013", "dataset_name": "FER2013", "dataset_split": split}
    ferplus: dict[str, Any] = {"dataset_type": "ferplus", "dataset_name": "FER+", "dataset_split": split}
    rows = [("accuracy", None, score["accuracy"], fer2013), ("f1", "macro F1", score["macro_f1"], fer2013)]
    if raters := score.get("ferplus"):
        rated = ("accuracy", "agreement with the majority of ten raters", raters["agreement"], ferplus)
        rows.insert(0 if labels == "ferplus" else len(rows), rated)
    return [
        EvalResult(task, metric_type=kind, metric_name=name, metric_value=round(float(value), 4), **data)
        for kind, name, value, data in rows
    ]
