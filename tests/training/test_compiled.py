"""The compile switch: a failure is told once and changes nothing; nothing in a step waits for the device."""

import warnings

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from train_context import make_context

import fer_zoo.training.epoch
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.training.checkpoint import Progress
from fer_zoo.training.compiled import compile_forward
from fer_zoo.training.distill import load_teachers
from fer_zoo.training.epoch import train_epoch

CPU = torch.device("cpu")


def no_compiler(graph: object, inputs: object) -> object:
    raise RuntimeError("no C++ compiler")


def test_a_failed_compilation_is_told_once_and_the_network_goes_on() -> None:
    model = create_model("cnn-baseline").eval()
    faces = torch.rand(2, 1, 48, 48)
    forward = compile_forward(model, CPU, no_compiler)
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler.*continues uncompiled"):
        answer = forward(faces)
    assert torch.equal(answer, model(faces))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forward(faces)


def test_a_compiled_network_answers_as_the_plain_one() -> None:
    model = create_model("cnn-baseline").eval()
    graphs = []

    def count(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(graph)
        return graph.forward

    faces = torch.rand(2, 1, 48, 48)
    assert torch.allclose(compile_forward(model, CPU, count)(faces), model(faces), atol=1e-6)
    assert len(graphs) == 1


class CountWaits(TorchDispatchMode):
    """Counts what Python reads of a tensor and what has a shape that depends on values: a GPU would have to
    finish first.
    """

    waits = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._schema.name.removeprefix("aten::")
        by_mask = name in ("index", "index_put_") and any(
            place is not None and place.dtype == torch.bool for place in args[1]
        )
        self.waits += by_mask or name in (
            "_local_scalar_dense",
            "nonzero",
            "masked_select",
            "bincount",
            "_unique2",
        )
        return function(*args, **(kwargs or {}))


def count_waits(steps: int, settings: dict) -> int:
    """In an epoch of so many steps."""
    recipe = build_recipe({"batch_size": 4, "ema_decay": 0.9, "clip_norm": 1.0, **settings})
    model = create_model("cnn-baseline")
    average = create_model("cnn-baseline").requires_grad_(False)
    pixels = torch.zeros(4 * steps, 1, 48, 48, dtype=torch.uint8)
    labels = torch.zeros(4 * steps, dtype=torch.int64)
    teachers = load_teachers(recipe.distill.teachers, CPU)
    context = make_context(model, recipe, pixels, labels, average=average, teachers=teachers)
    with CountWaits() as counter:
        train_epoch(context, Progress())
    return counter.waits


MOVED = {"rotate": 15, "scale": 0.1, "shift": 0.1, "contrast": 0.1, "brightness": 0.1, "erase": 0.5}


@pytest.mark.parametrize(
    "settings",
    [
        {"augment": {**MOVED, "cutmix": 0.2}},
        {"augment": {"mixup": 0.2, "crop": 44}, "class_weights": "effective", "focal_gamma": 2.0},
        {"logit_adjustment": 1.0, "optimizer": "sgd"},
        {"balanced_sampling": True},
        {"distill": {"teachers": ["cnn-baseline"], "weight": 0.5}},
    ],
    ids=["cutmix", "weights", "adjustment", "sampling", "teachers"],
)
def test_no_step_waits_for_the_device(settings: dict, monkeypatch) -> None:
    # drawn on the CPU, where the draw is no wait
    monkeypatch.setattr(fer_zoo.training.epoch, "pick_teacher", lambda teachers, generator: teachers[0])
    assert count_waits(1, settings) == count_waits(3, settings)


def test_a_wait_would_be_counted() -> None:
    values = torch.arange(3)
    with CountWaits() as counter:
        values.max().item()
        values[values > 1]
    assert counter.waits >= 2
