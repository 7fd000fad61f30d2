"""Where a model comes from, and what it was then: a changed one is not saved with scores it never had."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.artifacts.classifier_settings import ClassifierSettings
from fer_zoo.utils.tensors import hash_tensors

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier
    from fer_zoo.data.fer2013 import FER2013

STAYS = ("network", "pretrained")  # true of a model's config.json also after its weights were changed


@dataclass(frozen=True)
class Origin:
    """Where a model was loaded from.

    name, sha256: of the model and its weights' file. fingerprint: of the model in memory right after loading.
    """

    name: str
    sha256: str
    fingerprint: str

    def describe(self) -> dict[str, str]:
        """The `base_model` of config.json."""
        return {"name": self.name, "sha256": self.sha256}


def describe_data(dataset: "FER2013") -> dict[str, Any]:
    """What config.json keeps of the data of a run or a calibration: no path of the machine."""
    source = dataset.source
    return {
        "name": source if "://" in source else Path(source).name,
        "training": len(dataset.training),
        "public_test": len(dataset.public_test),
        **({"one_test": True} if dataset.one_test else {}),
        **({"excluded": dataset.excluded} if dataset.excluded else {}),
        **({} if dataset.split_seed is None else {"split_seed": dataset.split_seed}),
        **({"class_map": dataset.class_map.describe()} if dataset.class_map else {}),
    }


def describe_settings(model: "FaceClassifier") -> dict[str, Any]:
    """`temperature` of config.json, and `prior_correction` where there is one."""
    prior = model.prior
    correction = {"prior_correction": {"tau": prior.tau, "prior": list(prior.prior)}} if prior else {}
    return {"temperature": model.temperature, **correction}


def fingerprint_model(model: "FaceClassifier") -> str:
    """SHA-256 of all that decides the answers: tensors, settings, classes, of an ensemble's members too."""
    settings = [
        (part.preprocessing.size, part.classes)
        for part in model.modules()
        if isinstance(part, ClassifierSettings)
    ]
    return hashlib.sha256((repr(settings) + hash_tensors(model.state_dict())).encode()).hexdigest()


def is_changed(model: "FaceClassifier") -> bool:
    """Whether a loaded model answers otherwise than when it was loaded; False for a new one."""
    return model.origin is not None and model.origin.fingerprint != fingerprint_model(model)


def describe_changed(model: "FaceClassifier") -> dict[str, Any]:
    """What config.json says of a changed model: what it came from, and nothing that was measured before."""
    assert model.origin is not None
    kept = {key: model.info[key] for key in STAYS if key in model.info}
    if "members" in model.info:
        kept["members"] = _describe_members(model)
    hub = model.info.get("hub")
    repo = hub.get("repo") if isinstance(hub, dict) else None
    base = model.origin.describe() | ({"name": repo} if isinstance(repo, str) else {})
    return {**kept, "metrics": {}, "base_model": base}


def _describe_members(model: "FaceClassifier") -> list[dict[str, Any]]:
    """An ensemble's members as they are now, without the SHA-256 of the files that they were."""
    network: Any = model.backbone
    return [
        {key: value for key, value in row.items() if key not in ("sha256", "prior_correction")}
        | {"weight": float(weight), **describe_settings(member)}
        for row, member, weight in zip(model.info["members"], network.members, network.weights, strict=True)
    ]
