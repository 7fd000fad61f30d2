"""A model as one ONNX file, preprocessing and temperature inside: how it predicts without torch, and how the
file of a folder is found, or made once and kept.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_zoo._version import __version__
from fer_zoo.artifacts.artifact import CONFIG_NAME, fingerprint_artifact, read_config
from fer_zoo.emotions import SIDE, check_classes
from fer_zoo.errors import ArtifactError
from fer_zoo.utils.devices import CPU_PROVIDER, list_providers
from fer_zoo.utils.files import (
    ABANDONED_S,
    cache_folder,
    name_reason,
    remove_partial_files,
    write_atomically,
)
from fer_zoo.utils.progress import track
from fer_zoo.utils.telemetry import import_onnxruntime

if TYPE_CHECKING:
    from torch import Tensor

    from fer_zoo.artifacts.classifier import FaceClassifier
    from fer_zoo.utils.photo_inputs import Photos

ONNX_NAME = "model.onnx"
OPSET = 18
CLOSE = 1e-3  # logits: how far ONNX Runtime may be from torch


class OnnxClassifier:
    """Faces uint8 (N, 1, 48, 48) to calibrated logits float32 (N, C), in ONNX Runtime; torch is not needed.

    Args:
        path: a file that `fer-zoo export --format onnx` wrote.
        threads: of the processor; None leaves the choice to ONNX Runtime.
        providers: execution providers of ONNX Runtime; None takes those that are there.

    Attributes:
        classes: names of the outputs.
        metrics: of this file.
        quantization: what int8 cost; empty without it.

    Raises:
        ArtifactError: another file.
    """

    def __init__(
        self, path: str | Path, threads: int | None = None, providers: "Sequence[Any] | None" = None
    ) -> None:
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        if threads:
            options.intra_op_num_threads = threads
        try:
            chosen = list(providers or list_providers(onnxruntime))
            self._session = onnxruntime.InferenceSession(str(path), options, providers=chosen)
            written = self._session.get_modelmeta().custom_metadata_map
            self.classes = check_classes(json.loads(written["emotions"]))
            self.name = written["name"]
            self.quantization: dict[str, Any] = json.loads(written.get("quantisation", "{}"))
            self.source = written.get("source", "")
            self.metrics: dict[str, Any] = json.loads(written["metrics"])
        except Exception as error:  # ONNX Runtime raises a class of its own for each way to be broken
            raise ArtifactError(
                f"{str(path)!r} is not a file of fer-zoo export --format onnx ({type(error).__name__})."
            ) from error

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        if faces.dtype != np.uint8 or faces.ndim != 4 or faces.shape[1:] != (1, SIDE, SIDE):
            raise ValueError(
                f"Faces are {faces.dtype} {faces.shape}; allowed is uint8 (N, 1, {SIDE}, {SIDE})."
            )
        return self._session.run(None, {"faces": faces})[0]

    def predict(self, photo: "Photos") -> Any:
        """As `FaceClassifier.predict`: named probabilities of a picture of one face; several give a list."""
        from fer_zoo.artifacts.answer_table import name_answers

        def score(faces: NDArray[np.uint8]) -> list[list[float]]:
            logits = self(faces).astype(np.float64)
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            return (powers / powers.sum(axis=1, keepdims=True)).tolist()

        return name_answers(photo, self.classes, score)


def as_network(runtime: OnnxClassifier) -> "Callable[[Tensor], Tensor]":
    """The same function on torch's tensors, for what measures a network."""
    import torch

    return lambda faces: torch.from_numpy(runtime(np.ascontiguousarray(faces.numpy())))


def write_onnx(model: "FaceClassifier", path: Path, source: str = "") -> None:
    """Write the classifier, checked against torch in ONNX Runtime at two batch sizes. source: the fingerprint
    of the artifact it was loaded from, by which a later reader knows whether the file is still its own.

    Raises ArtifactError where the packages for it are missing, or the two runtimes disagree.
    """
    import torch

    try:
        import onnxscript  # noqa: F401 - what torch.onnx.export works with
    except ImportError as error:
        raise ArtifactError("ONNX export needs two more packages: pip install 'fer-zoo[onnx]'.") from error
    import_onnxruntime()  # torch's exporter may import it too
    generator = torch.Generator().manual_seed(0)
    faces = torch.randint(0, 256, (3, 1, SIDE, SIDE), dtype=torch.uint8, generator=generator)
    program = torch.onnx.export(
        model.eval(),
        (faces,),
        dynamo=True,
        input_names=["faces"],
        output_names=["logits"],
        dynamic_shapes={"faces": {0: torch.export.Dim("batch")}},
        opset_version=OPSET,
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(
        {
            "name": model.name,
            "emotions": json.dumps(model.classes),
            "metrics": json.dumps(summarize(model.info.get("metrics", {}))),
            "source": source,
            "license": "MIT",
        }
    )

    def write(temporary: Path) -> None:
        program.save(str(temporary), external_data=False)
        runtime = OnnxClassifier(temporary, providers=[CPU_PROVIDER])
        for count in (1, 3):
            with torch.inference_mode():
                expected = model(faces[:count]).numpy()
            difference = float(np.abs(runtime(faces[:count].numpy()) - expected).max())
            if not difference < CLOSE:
                raise ArtifactError(
                    f"ONNX Runtime's logits of {model.name} are {difference:.2g} from torch's."
                )

    write_atomically(path, write)


def summarize(metrics: dict[str, Any]) -> dict[str, Any]:
    """The main numbers of each split, without tables."""
    kept = ("n", "accuracy", "accuracy_ci95", "macro_f1", "ece")
    return {split: {key: score[key] for key in kept if key in score} for split, score in metrics.items()}


def open_onnx(folder: Path) -> OnnxClassifier:
    """The model of a folder in ONNX Runtime: from its model.onnx where that is of these very weights or
    stands alone, else from an export in `cache_folder()`. Only the first use of new weights imports torch.

    Raises ArtifactError for a damaged folder, where the packages for the
    export are missing, or where the cache cannot be written.
    """
    beside = folder / ONNX_NAME
    if not (folder / CONFIG_NAME).exists() and beside.exists():
        return OnnxClassifier(beside)
    read_config(folder)  # whatever is wrong with the folder is said first
    fingerprint = fingerprint_artifact(folder)
    kept = cache_folder() / f"model-{__version__}-{fingerprint}.onnx"
    for path in (beside, kept):
        with suppress(ArtifactError):  # absent or damaged: the next, at last a new export
            runtime = OnnxClassifier(path)
            if runtime.source == fingerprint:
                return runtime
    from fer_zoo.artifacts.classifier import load_artifact

    try:
        with track(f"{folder.name} as ONNX, once"):
            remove_partial_files(kept.parent, ABANDONED_S)
            write_onnx(load_artifact(folder), kept, fingerprint)
    except OSError as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error  # a WriteError has one
        raise ArtifactError(
            f"The ONNX file of {str(folder)!r} cannot be stored in {str(kept.parent)!r} "
            f"({name_reason(cause)}): name a folder with space in the environment variable FER_ZOO_CACHE."
        ) from error
    return OnnxClassifier(kept)
