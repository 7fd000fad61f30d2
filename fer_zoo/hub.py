"""Where a name leads: a folder, the embedded weights, or a repository of the Hugging Face Hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from fer_zoo.artifact import ENSEMBLE, WEIGHTS_NAME, find_artifact, list_embedded, load_artifact, read_config
from fer_zoo.emotions import SIDE
from fer_zoo.errors import UnknownNameError
from fer_zoo.registry import ARCHITECTURES

if TYPE_CHECKING:
    from fer_zoo.models.classifier import FaceClassifier
    from fer_zoo.onnx_model import OnnxClassifier


@overload
def load(name: str | Path, runtime: Literal["torch"] = "torch") -> "FaceClassifier": ...
@overload
def load(name: str | Path, runtime: Literal["onnx"]) -> "OnnxClassifier": ...
def load(name: str | Path, runtime: str = "torch") -> "FaceClassifier | OnnxClassifier":
    """A trained classifier in eval mode on the CPU: uint8 faces (N, 1, 48, 48) to calibrated logits (N, 7).

    name: an embedded model such as "cnn-baseline", or the folder of a run. runtime: "onnx" predicts in ONNX
    Runtime without importing torch, from a model.onnx in the folder or from an export that the first use
    makes and keeps; a path that ends in .onnx is opened as it is. Raises ArtifactError or UnknownNameError.
    """
    if runtime == "torch":
        return load_artifact(find_artifact(name))
    if runtime != "onnx":
        raise UnknownNameError("runtime", runtime, ["torch", "onnx"])
    if Path(name).suffix == ".onnx":
        from fer_zoo.onnx_model import OnnxClassifier

        return OnnxClassifier(name)
    from fer_zoo.onnx_cache import open_onnx

    return open_onnx(find_artifact(name))


def list_models() -> list[dict[str, Any]]:
    """A row for every architecture, and for the ensemble where there is one: name, family, parameters, input
    size, where its weights are and how many bytes they take, what it measured, and its speed.
    """
    embedded = list_embedded()
    rows = []
    for row in ARCHITECTURES.values():
        folder = embedded.get(row.name)
        known = {
            "family": row.family,
            "params": row.parameters,
            "input_size": row.input_size,
            "note": row.note,
        }
        rows.append(_describe(row.name, known, folder, [folder] if folder else []))
    if ENSEMBLE in embedded:
        members = read_config(embedded[ENSEMBLE])["fer_zoo"]["members"]
        names = [member["name"] for member in members]
        known = {
            "family": ENSEMBLE,
            "params": sum(ARCHITECTURES[name].parameters for name in names),
            "input_size": SIDE,
            "note": f"Soft vote of {', '.join(names)}",
        }
        rows.append(_describe(ENSEMBLE, known, embedded[ENSEMBLE], [embedded[name] for name in names]))
    return rows


def _describe(name: str, known: dict[str, Any], folder: Path | None, weights: list[Path]) -> dict[str, Any]:
    block = read_config(folder)["fer_zoo"] if folder else {}
    return {
        "name": name,
        **known,
        "weights": "embedded" if folder else "none",
        "bytes": sum((path / WEIGHTS_NAME).stat().st_size for path in weights),
        "metrics": block.get("metrics", {}),
        "latency": block.get("latency"),
    }


def describe_model(name: str | Path) -> dict[str, Any]:
    """What is stored with a model's weights, without loading them: name, input, temperature, recipe, seed,
    training, metrics, versions. name: as in `load`. Raises ArtifactError or UnknownNameError.
    """
    return read_config(find_artifact(name))["fer_zoo"]
