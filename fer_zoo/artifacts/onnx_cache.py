"""The ONNX file of a model: what lies beside its weights, or an export that is made once and kept."""

from contextlib import suppress
from pathlib import Path

from fer_zoo._version import __version__
from fer_zoo.artifacts.artifact import CONFIG_NAME, fingerprint_artifact, read_config
from fer_zoo.artifacts.onnx_model import ONNX_NAME, OnnxClassifier, write_onnx
from fer_zoo.errors import ArtifactError
from fer_zoo.utils.files import ABANDONED_S, cache_folder, remove_partial_files
from fer_zoo.utils.progress import track


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
        raise ArtifactError(
            f"The ONNX file of {str(folder)!r} cannot be stored in {str(kept.parent)!r} ({error.strerror}): "
            "name a folder with space in the environment variable FER_ZOO_CACHE."
        ) from error
    return OnnxClassifier(kept)
