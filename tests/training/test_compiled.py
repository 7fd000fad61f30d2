"""The compile switch: a failure is told once and changes nothing; nothing in a step waits for the device."""

import warnings

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.registry import create_model
from fer_zoo.training.checkpoint import Progress
from fer_zoo.training.compiled import compile_forward
from fer_zoo.training.display import TrainingDisplay
from fer_zoo.training.epoch import Setup, train_epoch
from fer_zoo.training.pieces import build_optimizer, find_head, select_precision

CPU = torch.device("cpu")


def no_compiler(graph: object, inputs: object) -> object:
    raise RuntimeError("no C++ compiler")


def test_a_failed_compilation_is_told_once_and_the_network_goes_on() -> None:
    model = create_model("cnn-baseline").eval()
    faces = torch.rand(2, 1, 48, 48)
    forward = compile_forward(model, CPU, no_compiler)
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler.*goes on uncompiled"):
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


class CountReads(TorchDispatchMode):
    """Counts the reads of a tensor's value by Python, for each of which a GPU would have to finish first."""

    reads = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.reads += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def count_reads(steps: int) -> int:
    """In an epoch of so many steps with everything on that a recipe has."""
    augment = {"rotate": 15, "scale": 0.1, "shift": 0.1, "contrast": 0.1, "brightness": 0.1, "erase": 0.5}
    recipe = build_recipe(
        {"batch_size": 4, "ema_decay": 0.9, "clip_norm": 1.0, "augment": {**augment, "cutmix": 0.2}}
    )
    model = create_model("cnn-baseline")
    average = create_model("cnn-baseline").requires_grad_(False)
    optimizer = build_optimizer(model, recipe, find_head(model), 1.0)
    display = TrainingDisplay("cnn-baseline", 1, 4 * steps, [], visible=False)
    setup = Setup(model, average, optimizer, recipe, 0, select_precision(None, "float32", CPU), [], display)
    pixels = torch.zeros(4 * steps, 1, 48, 48, dtype=torch.uint8)
    with CountReads() as counter:
        train_epoch(setup, pixels, torch.zeros(4 * steps, dtype=torch.int64), Progress())
    return counter.reads


def test_no_step_waits_for_the_device() -> None:
    assert count_reads(steps=1) == count_reads(steps=3)
