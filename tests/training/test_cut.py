"""Training on parts of faces at their own size: faster, for networks that average their features."""

import numpy as np
import pytest
import torch

from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.hub import load
from fer_zoo.data.augment import Augmentation, augment_batch, build_albumentations, mix_batch
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.errors import RecipeError
from fer_zoo.models.resnet48 import ResNet48
from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.training.trainer import fit

FACES = torch.randint(0, 256, (64, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_a_cut_is_a_part_of_the_face_pixel_by_pixel() -> None:
    cuts = augment_batch(FACES, Augmentation(flip=0, train_crop=40), torch.Generator().manual_seed(1))
    assert cuts.shape == (64, 1, 40, 40)
    parts = (FACES.float() / 255).unfold(2, 40, 1).unfold(3, 40, 1)[:, 0]  # (64, 9, 9, 40, 40)
    distance = (parts - cuts[:, :, None]).abs().amax((3, 4))
    places = {divmod(int(one.argmin()), 9) for one in distance}
    assert distance.amin((1, 2)).max() < 1e-4
    assert len(places) > 30  # of 81


def test_what_comes_after_the_cut_fits_its_size() -> None:
    generator = torch.Generator().manual_seed(1)
    a = Augmentation(flip=0, train_crop=40, erase=1, cutmix=1.0)
    white = torch.full_like(FACES, 255)
    erased = (augment_batch(white, a, generator) < 1).float().mean((1, 2, 3))
    assert erased.min() > 0.01 and erased.max() < 0.22  # 2-20 % of the area, to the pixel
    mixed, _, share = mix_batch(
        torch.arange(2.0)[:, None, None, None].expand(2, 1, 40, 40), a, generator, generator
    )
    assert mixed.shape == (2, 1, 40, 40) and 0 <= share <= 1
    assert build_albumentations(a)(image=np.zeros((48, 48), np.uint8))["image"].shape == (40, 40)


def test_training_sees_parts_and_testing_whole_faces(tmp_path, monkeypatch) -> None:
    seen, forward = set(), ResNet48.forward

    def look(self: ResNet48, images: torch.Tensor) -> torch.Tensor:
        seen.add((self.training, *images.shape[1:]))
        return forward(self, images)

    monkeypatch.setattr(ResNet48, "forward", look)
    few = Faces(FACES.numpy(), np.arange(64) % 7)
    recipe = build_recipe({"epochs": 1, "augment": {"train_crop": 40}})
    fit("resnet_48", few, few, recipe, out=tmp_path, show_progress=False)
    assert seen == {(True, 1, 40, 40), (False, 1, 48, 48)}
    with pytest.raises(ValueError, match="allowed is"):
        load(tmp_path)(FACES[:, :, :40, :40])


def test_a_network_that_resizes_keeps_the_scale_of_a_part() -> None:
    model = create_model("efficientnet_lite0")
    with pytest.raises(ValueError, match="allowed is"):
        model.preprocessing(FACES[:, :, :40, :40])
    assert model.preprocessing(FACES[:, :, :40, :40], crops=True).shape == (64, 1, 80, 80)
    with pytest.raises(ValueError, match="allowed is"):
        model.preprocessing(torch.zeros(1, 1, 50, 50), crops=True)


def test_a_network_that_needs_whole_faces_is_told_so(drawn: FER2013, tmp_path) -> None:
    recipe, splits = build_recipe({"augment": {"train_crop": 40}}), (drawn.training, drawn.public_test)
    with pytest.raises(RecipeError, match=r"vit_48 needs whole ones; .*resnet_48"):
        fit("vit_48", *splits, recipe, out=tmp_path / "student")
    taught = build_recipe({"augment": {"train_crop": 40}, "distill": {"teachers": ["cnn-baseline"]}})
    with pytest.raises(RecipeError, match="cnn-baseline needs whole ones"):
        fit("resnet_48", *splits, taught, out=tmp_path / "taught")
    with pytest.raises(RecipeError, match=r"augment\.crop and augment\.train_crop are both on"):
        build_recipe({"augment": {"train_crop": 40, "crop": 44}})
    for name in ("train_crop", "crop"):
        with pytest.raises(
            RecipeError, match=rf"augment\.{name} is 40\.5; allowed is a whole number from 0 to 48"
        ):
            build_recipe({"augment": {name: 40.5}})
