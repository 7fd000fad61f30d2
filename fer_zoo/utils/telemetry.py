"""Imports of packages that would report home or write into the home folder, told not to before they start.

Both switches are read while the package is being imported: whatever in fer_zoo uses one imports it here.
"""

import os
from typing import Any

from fer_zoo.errors import FerZooError

# ONNX Runtime 1.29 and later, other than on Windows, keeps a device id and a database of events in
# ~/.cache/Microsoft, and uploads them from about nine seconds after its import.
ONNXRUNTIME_SWITCH = "ORT_DISABLE_TELEMETRY"
ALBUMENTATIONS_SWITCH = "NO_ALBUMENTATIONS_UPDATE"  # it asks PyPI for its newest version


def import_onnxruntime() -> Any:
    """ONNX Runtime without its telemetry."""
    os.environ[ONNXRUNTIME_SWITCH] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # of Windows, and where somebody else imported it before
    return onnxruntime


def import_albumentations() -> Any:
    """albumentations without its look for updates.

    Raises:
        FerZooError: OpenCV, which albumentations needs, lacks a library of the system.
    """
    os.environ[ALBUMENTATIONS_SWITCH] = "1"
    try:
        import albumentations
    except ImportError as error:
        raise FerZooError(
            f"albumentations cannot be imported ({error}). Without a screen's libraries, run: "
            "pip install --force-reinstall opencv-python-headless"
        ) from error
    return albumentations
