"""Imports of packages whose telemetry is disabled by an environment variable.

Both variables are read during the package's import, so fer_zoo imports these packages only here.
"""

import os
from typing import Any

from fer_zoo.errors import FerZooError

# ONNX Runtime 1.29 and later, except on Windows, stores a device ID and a database of events in
# ~/.cache/Microsoft, and uploads them starting about nine seconds after its import.
ONNXRUNTIME_SWITCH = "ORT_DISABLE_TELEMETRY"
ALBUMENTATIONS_SWITCH = "NO_ALBUMENTATIONS_UPDATE"  # it queries PyPI for its newest version


def import_onnxruntime() -> Any:
    """ONNX Runtime without its telemetry."""
    os.environ[ONNXRUNTIME_SWITCH] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # on Windows, and if it was imported before
    return onnxruntime


def import_albumentations() -> Any:
    """albumentations without its update check. Raises FerZooError if it is not installed, or OpenCV, which it
    needs, lacks a system library.
    """
    os.environ[ALBUMENTATIONS_SWITCH] = "1"
    try:
        import albumentations
    except ModuleNotFoundError as error:
        raise FerZooError(
            f"Augmenting sample by sample needs {error.name}, which is not installed: run "
            "pip install 'fer-zoo[tutorial]'."
        ) from error
    except ImportError as error:
        raise FerZooError(
            f"albumentations cannot be imported ({error}). On a machine without GUI libraries, run: "
            "pip install --force-reinstall opencv-python-headless"
        ) from error
    return albumentations
