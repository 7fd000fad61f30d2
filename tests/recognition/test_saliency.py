"""Saliency maps are high where the evidence is, for every architecture, and leave the model unchanged."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing, create_model
from fer_zoo.models.ensemble import Ensemble
from fer_zoo.models.registry import ARCHITECTURES
from fer_zoo.models.resnet48 import ResNet48
from fer_zoo.recognition.saliency import draw_heat, explain

QUADRANTS = ((0, 0), (0, 24), (24, 0), (24, 24))


def classify(backbone: nn.Module) -> FaceClassifier:
    return FaceClassifier(backbone.eval(), Preprocessing(48, 0.5, 0.25), "trial")


def draw_shapes(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, list[int]]:
    """Noise with a disc or a cross in one quadrant; class 1 is the cross, 0 the disc. Third: the quadrant."""
    faces = torch.randint(90, 130, (count, 1, 48, 48), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 2, (count,), generator=generator)
    y, x = torch.meshgrid(torch.arange(14) - 6.5, torch.arange(14) - 6.5, indexing="ij")
    shapes = [(x**2 + y**2 < 42), ((x.abs() < 2) | (y.abs() < 2))]
    quadrants = torch.randint(0, 4, (count,), generator=generator).tolist()
    for face, label, quadrant in zip(faces, labels.tolist(), quadrants, strict=True):
        top, left = QUADRANTS[quadrant]
        face[0, top + 5 : top + 19, left + 5 : left + 19][shapes[label]] = 250
    return faces, labels, quadrants


def build_convolutions(*head: nn.Module) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        *head,
    )


def build_dense_head() -> nn.Module:
    """A linear layer on the flattened 6x6 map, as in cnn-baseline."""
    return build_convolutions(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 36, 7))


def build_average_pool() -> nn.Module:
    return build_convolutions(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 7))


def build_small_vit() -> nn.Module:
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(
        img_size=48, patch_size=8, in_chans=1, num_classes=7, embed_dim=32, depth=2, num_heads=2
    )


@pytest.mark.parametrize(
    ("build", "rate"),
    [(build_dense_head, 2e-3), (build_average_pool, 5e-3), (build_small_vit, 2e-3)],
    ids=["dense head", "average pool", "tokens"],
)
def test_heat_is_on_the_discriminative_shape(build: Callable[[], nn.Module], rate: float) -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    model = classify(build())
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    model.train()
    for _ in range(200):
        faces, labels, _ = draw_shapes(32, generator)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(faces), labels)
        loss.backward()
        optimizer.step()
        if loss < 0.02:
            break
    faces, labels, quadrants = draw_shapes(60, generator)
    model.eval()
    assert (model(faces).argmax(1) == labels).float().mean() > 0.9, "the toy was not learned"
    maps = explain(model, faces, labels.tolist())
    fractions = [
        float(heat[top : top + 24, left : left + 24].sum() / heat.sum())
        for heat, (top, left) in zip(maps, (QUADRANTS[quadrant] for quadrant in quadrants), strict=True)
    ]
    assert np.median(fractions) > 0.4  # by chance 0.25


def test_linear_head_is_attributed_position_by_position() -> None:
    """Class 3 reads the top left of the map, class 0 the bottom right, whatever else is active."""

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.AvgPool2d(8)
            self.classifier = nn.Linear(36, 7, bias=False)
            nn.init.zeros_(self.classifier.weight)
            with torch.no_grad():
                self.classifier.weight[3, 0] = self.classifier.weight[0, 35] = 1.0

        def forward(self, images: Tensor) -> Tensor:
            return self.classifier(self.pool(images).flatten(1))

    faces = torch.full((2, 1, 48, 48), 250, dtype=torch.uint8)
    first, last = explain(classify(Head()), faces, [3, 0])
    assert first.argmax() == 0 and first[12:].max() == 0 and first[:, 12:].max() == 0
    torch.testing.assert_close(last, first.flip(0, 1))


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_every_architecture_has_maps_and_is_not_changed(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    faces = torch.randint(0, 256, (3, 1, 48, 48), dtype=torch.uint8)
    with torch.inference_mode():
        maps = explain(model, faces, [0, 3, 6])
    assert maps.shape == (3, 48, 48) and maps.dtype == torch.float32 and maps.isfinite().all()
    strongest = maps.amax((1, 2))
    assert maps.min() >= 0 and ((strongest == 1) | (strongest == 0)).all() and strongest.any()
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_ensemble_weighs_its_members() -> None:
    torch.manual_seed(0)
    members = [classify(ResNet48(widths=(8, 8), blocks=1)) for _ in range(2)]
    faces = torch.randint(0, 256, (2, 1, 48, 48), dtype=torch.uint8)
    mixed = 0.75 * explain(members[0], faces, [1, 2]) + 0.25 * explain(members[1], faces, [1, 2])
    expected = mixed / mixed.amax((1, 2), keepdim=True)
    torch.testing.assert_close(explain(classify(Ensemble(members, [3, 1])), faces, [1, 2]), expected)


@pytest.mark.parametrize("name", ["resnet_48", "vit_48"])
def test_a_model_of_half_precision_has_maps(name: str) -> None:
    faces = torch.randint(0, 256, (2, 1, 48, 48), dtype=torch.uint8)
    torch.manual_seed(0)
    model = create_model(name).eval()
    whole = explain(model, faces, [3, 5])
    assert torch.allclose(explain(model.bfloat16(), faces, [3, 5]), whole, atol=0.2)


def test_threads_do_not_mix_their_faces() -> None:
    torch.manual_seed(0)
    model = classify(ResNet48(widths=(8, 16), blocks=1))
    batches = [torch.randint(0, 256, (2, 1, 48, 48), dtype=torch.uint8) for _ in range(4)]
    expected = [explain(model, faces, [0, 6]) for faces in batches]
    wrong: list[str] = []

    def work(index: int) -> None:
        try:
            for _ in range(8):
                model(batches[index])
                torch.testing.assert_close(explain(model, batches[index], [0, 6]), expected[index])
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_faces_and_wrong_numbers() -> None:
    model = classify(ResNet48(widths=(8, 8), blocks=1))
    assert explain(model, torch.zeros(0, 1, 48, 48, dtype=torch.uint8), []).shape == (0, 48, 48)
    with pytest.raises(ValueError, match="2 faces have 1 targets"):
        explain(model, torch.zeros(2, 1, 48, 48, dtype=torch.uint8), [1])


def test_the_overlay_is_orange_where_heat_is_high_and_gray_elsewhere() -> None:
    heat = np.zeros((48, 48), np.float32)
    heat[:24, :24] = 1
    face = np.full((48, 48), 90, np.uint8)
    image = draw_heat(face, heat)
    assert image.size == (144, 144) and draw_heat(face, heat, 96).size == (96, 96)
    red, _, blue = image.getpixel((20, 20))
    assert red > 190 and blue < 60
    assert image.getpixel((120, 120)) == (90, 90, 90)
    heat[:24, :24] = 0.2
    heat[40, 40] = 1  # one hot pixel: the rest is not pale beside it
    assert draw_heat(face, heat).getpixel((20, 20)) == (red, image.getpixel((20, 20))[1], blue)
    assert draw_heat(face, heat * 0).getpixel((20, 20)) == (90, 90, 90)
    for wrong in (face[None], face / 255):
        with pytest.raises(ValueError, match="allowed are uint8 and float"):
            draw_heat(wrong, heat)
