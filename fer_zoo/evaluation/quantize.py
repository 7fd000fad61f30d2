"""Static int8 quantization of an ONNX file, calibrated on Training, and what it costs in accuracy."""

import json
import logging
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_zoo.artifacts.export import export_onnx, refuse_existing_file
from fer_zoo.artifacts.onnx_model import OnnxClassifier, as_network, summarize
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.evaluation.inference import predict_probabilities
from fer_zoo.evaluation.latency import time_interleaved
from fer_zoo.evaluation.metrics import compare_paired, score_predictions
from fer_zoo.evaluation.model_data import require_faces
from fer_zoo.utils.devices import CPU_PROVIDER
from fer_zoo.utils.files import write_atomically
from fer_zoo.utils.progress import track
from fer_zoo.utils.telemetry import import_onnxruntime

INT8_NAME = "model_int8.onnx"
CALIBRATION_FACES, CALIBRATION_BATCH = 512, 32
REPEATS = 50  # timed calls of one face


def write_int8(source: Path, path: Path, dataset: FER2013) -> dict[str, Any]:
    """Quantize the ONNX file `source` to `path`; returns the `OnnxClassifier.quantization` of the new file.

    Static, in QDQ format: signed 8-bit weights per channel, unsigned 8-bit activations within the extremes of
    512 faces of Training, averaged over batches. Accuracy of both files on PublicTest and PrivateTest, with
    the paired difference, is measured here and stored in the file, as is the latency on this machine.
    """
    import onnx

    def write(temporary: Path) -> None:
        pixels = dataset.training.pixels
        sample = np.random.default_rng(0).permutation(len(pixels))[:CALIBRATION_FACES]
        with track("Calibrating on Training"):
            _quantize(source, temporary, pixels[sample])
        exact, small = (OnnxClassifier(path, providers=[CPU_PROVIDER]) for path in (source, temporary))
        metrics, report = _measure(exact, small, dataset)
        report["bytes"] = {"float32": source.stat().st_size, "int8": temporary.stat().st_size}
        program = onnx.load(temporary)
        properties = {row.key: row.value for row in program.metadata_props} | {
            "name": f"{exact.name}-int8",
            "metrics": json.dumps(summarize(metrics)),
            "quantisation": json.dumps(report),
        }
        onnx.helper.set_model_props(program, properties)
        onnx.save(program, temporary)

    write_atomically(path, write)
    return OnnxClassifier(path).quantization


def export_int8(source: Path, out: Path, dataset: FER2013) -> tuple[Path, dict[str, Any]]:
    """Write the artifact `source` as `out`/model_int8.onnx: its path, and what it costs (see `write_int8`).
    dataset: of the model's classes. Raises ArtifactError if it exists, DataError for a split without a face.
    """
    path = refuse_existing_file(out / INT8_NAME)
    require_faces(dataset, "train", "public", "private")
    with TemporaryDirectory() as folder:
        return path, write_int8(export_onnx(source, Path(folder)), path, dataset)


def _quantize(source: Path, path: Path, faces: NDArray[np.uint8]) -> None:
    import_onnxruntime()  # before its submodules
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    batches = iter(np.array_split(faces, max(1, len(faces) // CALIBRATION_BATCH)))

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(batches, None)
            return None if batch is None else {"faces": batch}

    logging.disable(logging.WARNING)  # it warns of every vector without channels
    try:
        # Batch normalization and the like are folded into the weights before these are rounded.
        quant_pre_process(source, path)
        quantize_static(
            path,
            path,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # 7 bits of a weight: processors without VNNI add two products in 16 bits, which 8 would overflow.
            reduce_range=True,
            # Mean of the batches' extremes: against the extremes of all, 0.5 points of PublicTest for
            # cnn-baseline.
            extra_options={"CalibMovingAverage": True},
        )
    finally:
        logging.disable(logging.NOTSET)


def _measure(
    exact: OnnxClassifier, small: OnnxClassifier, dataset: FER2013
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metrics of the int8 model by split, and the report."""
    metrics, splits = {}, {}
    for split in ("public", "private"):
        faces = dataset.split(split)
        tables = []
        for runtime in (small, exact):
            with track(f"{runtime.name} on {split}") as progress:
                tables.append(predict_probabilities(as_network(runtime), faces.pixels, progress=progress))
        metrics[split] = score_predictions(tables[0], faces.labels, classes=exact.classes)
        splits[split] = {
            "int8": metrics[split]["accuracy"],
            "float32": score_predictions(tables[1], faces.labels, classes=exact.classes)["accuracy"],
            **compare_paired(tables[0], tables[1], faces.labels),
        }
    face = dataset.public_test.pixels[:1]
    seconds = time_interleaved([partial(small, face), partial(exact, face)], REPEATS)
    int8_ms, float32_ms = (round(1000 * median(times), 3) for times in seconds)
    return metrics, {
        "calibration_faces": min(CALIBRATION_FACES, len(dataset.training)),
        "data_fingerprint": dataset.fingerprint,
        "accuracy": splits,
        "latency_ms": {"int8": int8_ms, "float32": float32_ms},
    }


def format_int8(report: dict[str, Any]) -> str:
    """Accuracy, size and latency of the int8 file beside those of the 32-bit one, a line each."""
    lines = []
    for split, title in (("public", "PublicTest"), ("private", "PrivateTest")):
        row = report["accuracy"][split]
        low, high = (100 * bound for bound in row["difference_ci95"])
        lines.append(
            f"{title:12}{row['int8']:8.2%}   32-bit {row['float32']:.2%}: {100 * row['difference']:+.2f} "
            f"points [{low:+.2f}, {high:+.2f}], p = {row['p_value']:.3g}"
        )
    size, speed = report["bytes"], report["latency_ms"]
    lines.append(f"{'size':12}{size['int8'] / 1e6:5.1f} MB   32-bit {size['float32'] / 1e6:.1f} MB")
    lines.append(f"{'one face':12}{speed['int8']:5.2f} ms   32-bit {speed['float32']:.2f} ms, here (median)")
    return "\n".join(lines)
