"""Temperature, prior correction and input scale are buffers: they travel in state dicts and every format."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import fer_zoo
from fer_zoo.artifacts.artifact import list_embedded
from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing, create_model
from fer_zoo.artifacts.export import export_onnx, export_timm
from fer_zoo.artifacts.save import save_model
from fer_zoo.errors import ArtifactError, FerZooError
from fer_zoo.models.ensemble import Ensemble

FACES = torch.randint(0, 256, (4, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
PRIOR = [3995, 436, 4097, 7215, 4830, 3171, 4965]


def answer(model: torch.nn.Module) -> Tensor:
    with torch.inference_mode():
        return model(FACES)


def corrected(name: str = "efficientnet_lite0") -> FaceClassifier:
    model = fer_zoo.load(name)
    model.set_calibration(temperature=1.25, tau=0.5, prior=PRIOR)
    return model


@pytest.mark.parametrize("name", list_embedded())
def test_a_state_dict_brings_its_calibration_along(name: str) -> None:
    trained = fer_zoo.load(name)
    if "members" in trained.info:
        other = fer_zoo.load(name)
        other.temperature, other.backbone.members[0].temperature = 3.0, 4.0
    else:
        other = create_model(trained.architecture).eval()
    other.load_state_dict(trained.state_dict())
    assert torch.equal(answer(other), answer(trained)) and other.temperature == pytest.approx(
        trained.temperature
    )


def test_a_prior_correction_travels_in_a_state_dict() -> None:
    model, other = corrected(), create_model("efficientnet_lite0").eval()
    other.load_state_dict(model.state_dict())
    assert torch.equal(answer(other), answer(model))


@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_a_backbones_state_dict_is_taken_with_and_without_its_prefix(prefix: str) -> None:
    backbone = fer_zoo.load("resnet_48").backbone
    model = corrected("resnet_48")
    report = model.load_state_dict({prefix + key: value for key, value in backbone.state_dict().items()})
    assert not report.missing_keys and not report.unexpected_keys
    assert model.temperature == 1 and model.prior is None, "they belonged to the weights that were there"
    with pytest.raises(RuntimeError, match="classifier"):
        model.load_state_dict({f"{prefix}stem.0.0.weight": torch.zeros(32, 1, 3, 3)})


def test_logits_are_divided_then_corrected() -> None:
    model = fer_zoo.load("resnet_48")
    model.set_calibration(temperature=2.0, tau=0.5, prior=PRIOR)
    with torch.inference_mode():
        plain = model.backbone(model.preprocessing(FACES))
    shares = torch.tensor(PRIOR, dtype=torch.float64) / sum(PRIOR)
    torch.testing.assert_close(answer(model), plain / 2 - (0.5 * shares.log()).float())
    model.set_calibration()
    torch.testing.assert_close(answer(model), plain / 2)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"temperature": 0}, "temperature is 0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"tau": -1, "prior": PRIOR}, "tau is -1"),
        ({"tau": 0.5}, "allowed is a number above 0 for each of 7 classes"),
        ({"tau": 0.5, "prior": [1, 2]}, "each of 7 classes"),
        ({"tau": 0.5, "prior": [0, *PRIOR[1:]]}, "number above 0"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused_and_changes_nothing(given: dict, told: str) -> None:
    model = corrected("resnet_48")
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(FerZooError, match=told):
        model.set_calibration(**given)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_folder_keeps_a_prior_correction_to_the_bit(tmp_path: Path) -> None:
    model = corrected()
    save_model(model, tmp_path)
    block = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["fer_zoo"]
    stored = block["prior_correction"]
    assert stored["tau"] == 0.5 and stored["prior"] == pytest.approx([n / sum(PRIOR) for n in PRIOR])
    assert block["temperature"] == 1.25
    loaded = fer_zoo.load(tmp_path)
    assert torch.equal(answer(loaded), answer(model))
    stored["prior"][0] = "much"
    text = (tmp_path / "config.json").read_text(encoding="utf-8")
    config = json.loads(text)
    for wrong in (stored, {"tau": 9, "prior": [0.1] * 7}, {"tau": 1, "prior": [0.5, 0.5]}, [1], {"tau": 1}):
        config["fer_zoo"]["prior_correction"] = wrong
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        with pytest.raises(ArtifactError, match="not a fer_zoo config"):
            fer_zoo.load(tmp_path)


def test_a_correction_that_came_in_a_state_dict_is_saved_too(tmp_path: Path) -> None:
    model = create_model("efficientnet_lite0").eval()
    model.load_state_dict(corrected().state_dict())
    save_model(model, tmp_path)
    torch.testing.assert_close(answer(fer_zoo.load(tmp_path)), answer(model), rtol=0, atol=1e-5)


def test_onnx_and_timm_carry_the_correction(tmp_path: Path) -> None:
    import timm

    model = corrected("cnn-baseline")
    save_model(model, tmp_path / "own")
    runtime = fer_zoo.OnnxClassifier(export_onnx(tmp_path / "own", tmp_path / "onnx"))
    np.testing.assert_allclose(runtime(FACES.numpy()), answer(model).numpy(), atol=1e-3)
    model = corrected()
    save_model(model, tmp_path / "model")
    export_timm(tmp_path / "model", tmp_path / "timm")
    network = timm.create_model(f"local-dir:{tmp_path / 'timm'}", pretrained=True).eval()
    with torch.inference_mode():
        logits = network(model.preprocessing(FACES))
    torch.testing.assert_close(logits, answer(model), rtol=0, atol=1e-4)
    torch.testing.assert_close(answer(fer_zoo.load(tmp_path / "timm")), answer(model), rtol=0, atol=1e-4)


def test_members_of_an_ensemble_keep_their_own_corrections(tmp_path: Path) -> None:
    model = fer_zoo.load("ensemble")
    model.backbone.members[0].set_calibration(1.5, tau=0.5, prior=PRIOR)
    model.set_calibration(tau=0.25, prior=PRIOR)
    model.save_pretrained(tmp_path)
    torch.testing.assert_close(answer(fer_zoo.load(tmp_path)), answer(model), rtol=0, atol=1e-6)
    saved = fer_zoo.load(tmp_path)
    assert saved.prior and saved.prior.tau == 0.25 and saved.backbone.members[0].prior.tau == 0.5


def test_an_ensembles_file_holds_weights_alone(tmp_path: Path) -> None:
    from safetensors import safe_open

    fer_zoo.load("ensemble").save_pretrained(tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        keys = " ".join(file.keys())
    assert "weights" in keys and not any(word in keys for word in ("calibration", "prior", "input_"))


@pytest.mark.parametrize("name", ["cnn-baseline", "tiny_vit_5m", "efficientnet_lite0", "ensemble"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_cast_model_takes_uint8_and_keeps_its_calibration(name: str, dtype: torch.dtype) -> None:
    model = fer_zoo.load(name)
    exact, temperature, scale = answer(model).softmax(1), model.temperature, model.preprocessing
    cast = model.to(dtype)
    assert (cast.temperature, cast.preprocessing) == (temperature, scale)
    logits = answer(cast)
    assert name == "ensemble" or logits.dtype == dtype
    tolerance = {torch.float16: 0.01, torch.bfloat16: 0.08, torch.float64: 1e-5}[dtype]
    torch.testing.assert_close(logits.float().softmax(1), exact, rtol=0, atol=tolerance)
    assert sum(cast.predict(FACES[0, 0].numpy()).values()) == pytest.approx(1, abs=0.01)


def test_an_ensembles_weights_are_not_rounded_by_half() -> None:
    network = Ensemble([create_model("resnet_48"), create_model("resnet_48")], [1, 2]).half()
    assert network.get_buffer("weights").tolist() == torch.tensor([1 / 3, 2 / 3]).tolist()


def test_preprocessing_can_be_replaced_and_stays_exact() -> None:
    model = create_model("resnet_48")
    assert model.preprocessing == Preprocessing(48, 0.5077, 0.2551)
    model.preprocessing = Preprocessing(48, 0.0, 1.0)
    assert model.preprocessing.mean == 0 and model.state_dict()["input_std"] == 1
