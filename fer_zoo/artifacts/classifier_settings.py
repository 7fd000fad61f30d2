"""The numbers beside a network's weights, as buffers: input mean and std, temperature, prior correction."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fer_zoo.artifacts.artifact import CONFIG_NAME
from fer_zoo.artifacts.preprocessing import Preprocessing
from fer_zoo.artifacts.prior_correction import PriorCorrection, build_prior
from fer_zoo.emotions import EMOTIONS, check_classes
from fer_zoo.errors import ArtifactError, FerZooError, one_line
from fer_zoo.models.float32_buffers import Float32Buffers
from fer_zoo.utils.tensors import check_values, read_tensors

SETTINGS = ("input_mean", "input_std", "calibration_temperature", "prior_correction")
MAX_HEADER_BYTES = 1000  # of a tensor's name, shape and offsets in a safetensors file


class ClassifierSettings(Float32Buffers):
    """The buffers of a `FaceClassifier`; they travel in its `state_dict`, and stay float32 in `.half()`.

    Attributes:
        input_mean: float32 (), of gray in [0, 1].
        input_std: float32 ().
        calibration_temperature: float32 ().
        prior_correction: float32 (C,), added to the logits; zeros for none.
    """

    input_mean: Tensor
    input_std: Tensor
    calibration_temperature: Tensor
    prior_correction: Tensor

    def __init__(self, preprocessing: Preprocessing, classes: Sequence[str] = EMOTIONS) -> None:
        super().__init__()
        self._given: dict[str, float] = {}  # the digits of config.json, which float32 would round
        self._prior: PriorCorrection | None = None
        for name in SETTINGS[:-1]:
            self.register_buffer(name, torch.ones(()))
        self.register_buffer("prior_correction", torch.zeros(len(classes)))
        self._classes = check_classes(classes)
        self.temperature, self.preprocessing = 1.0, preprocessing

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs, in order. Setting another number of them removes the prior correction."""
        return self._classes

    @classes.setter
    def classes(self, names: Sequence[str]) -> None:
        self._classes = check_classes(names)
        if len(names) != len(self.prior_correction):
            self.prior_correction = self.prior_correction.new_zeros(len(names))

    @property
    def temperature(self) -> float:
        """What the network's logits are divided by; 1 without calibration."""
        return self._read("calibration_temperature")

    @temperature.setter
    def temperature(self, value: float) -> None:
        self._write("calibration_temperature", value)

    @property
    def preprocessing(self) -> Preprocessing:
        """Size, mean and std of the backbone's input."""
        return Preprocessing(self._size, self._read("input_mean"), self._read("input_std"))

    @preprocessing.setter
    def preprocessing(self, value: Preprocessing) -> None:
        self._size = value.size
        self._write("input_mean", value.mean)
        self._write("input_std", value.std)

    @property
    def prior(self) -> PriorCorrection | None:
        """What `prior_correction` was made of; None where it is zeros."""
        values = self.prior_correction.detach().cpu()
        if not values.any():
            return None
        if self._prior is None or not torch.equal(self._prior.compute(), values):  # from a state dict
            self._prior = PriorCorrection(1.0, tuple((-values.double()).exp().tolist()))
        return self._prior

    def set_calibration(
        self, temperature: float | None = None, tau: float = 0.0, prior: Sequence[float] | None = None
    ) -> None:
        """Set what turns the backbone's logits into the model's: logits / temperature - tau * log(prior).

        Args:
            temperature: above 0; None leaves it as it is.
            tau: 0 removes a correction that is there; 1 is the whole prior.
            prior: how frequent each class is, in the order of `classes`, as numbers or fractions above 0.
                Needed where tau is not 0.

        Raises:
            FerZooError: a value is out of range.
        """
        if temperature is not None and not (temperature > 0 and math.isfinite(temperature)):
            raise FerZooError(f"The temperature is {temperature}; allowed is a number above 0.")
        correction = None if tau == 0 else build_prior(tau, prior, self.classes)
        if temperature is not None:
            self.temperature = temperature
        self.restore_prior(correction)

    def restore_prior(self, correction: PriorCorrection | None) -> None:
        """Set a correction as `prior` gives it; None for none."""
        self._prior = correction
        values = torch.zeros(len(self.classes)) if correction is None else correction.compute()
        self.prior_correction = values.to(self.prior_correction.device)

    def _read(self, name: str) -> float:
        value, given = float(self.get_buffer(name)), self._given[name]
        return given if torch.tensor(given).item() == value else value

    def _write(self, name: str, value: float) -> None:
        self._given[name] = float(value)
        setattr(self, name, torch.full_like(self.get_buffer(name), value))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take state dicts with and without `backbone.` before the network's names, and with and without
        these buffers: without them temperature 1 and no prior correction, since they belong to the weights.
        """
        own = [key for key in state_dict if key.startswith(prefix)]
        inside = prefix + "backbone."
        if not own:
            return super()._load_from_state_dict(state_dict, prefix, *rest)
        if not any(key.startswith(inside) for key in own):
            for key in own:
                if key.removeprefix(prefix) not in SETTINGS:
                    state_dict[inside + key.removeprefix(prefix)] = state_dict.pop(key)
        for name in SETTINGS:
            fresh = self.get_buffer(name)
            if name == "calibration_temperature":
                fresh = torch.ones_like(fresh)
            elif name == "prior_correction":
                fresh = torch.zeros_like(fresh)
            state_dict[prefix + name] = state_dict.get(prefix + name, fresh).float()
        return super()._load_from_state_dict(state_dict, prefix, *rest)


def is_setting(key: str) -> bool:
    """Whether a key of a state dict is one of a classifier's settings, and not of a network's weights."""
    return key.rpartition(".")[2] in SETTINGS


def load_weights(backbone: nn.Module, path: Path, sha256: str | None) -> str:
    """Load a file strictly: every tensor, of the right shape and kind, each value a number. Returns the
    file's SHA-256.

    sha256: of the file, as config.json has it; None where the folder is older than that. A file that is
    larger than the network's tensors could make it is not read.
    """
    state = backbone.state_dict()
    settings = {key: value for key, value in state.items() if is_setting(key)}  # config.json has them
    wanted = {key: value for key, value in state.items() if key not in settings}
    most_bytes = sum(8 * value.numel() + MAX_HEADER_BYTES for value in wanted.values())
    tensors, _, digest = read_tensors(path, most_bytes)
    if sha256 is not None and digest != sha256:
        raise ArtifactError(
            f"{str(path)!r} is not the file that its {CONFIG_NAME} was written with: it is damaged, or one "
            "of the two was replaced. Get the folder again, or resume the run that was writing it."
        )
    for key, value in tensors.items():
        check_values(path, key, value, wanted.get(key))
    try:
        backbone.load_state_dict({**tensors, **settings}, strict=True)
    except RuntimeError as error:
        reason = one_line(error)
        raise ArtifactError(f"{str(path)!r} does not hold its model's tensors: {reason}") from error
    return digest
