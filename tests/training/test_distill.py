"""A student learns from teachers: what they say reaches it, also without any label."""

import json

import pytest
import torch

from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.errors import ArtifactError, RecipeError, TrainingError, UnknownNameError
from fer_zoo.recipes.recipe import Distillation, build_recipe, describe_recipe
from fer_zoo.training.distill import Teacher, distillation_loss, load_teachers, pick_teacher
from fer_zoo.training.trainer import fit

pytestmark = pytest.mark.usefixtures("small_network")

CPU = torch.device("cpu")


def test_a_student_learns_from_a_teacher_although_its_labels_are_noise(drawn: FER2013, tmp_path) -> None:
    """Labels are shuffled: whatever the student knows comes from the teacher."""
    settings = {"epochs": 6, "batch_size": 32, "learning_rate": 1e-2, "ema_decay": 0.9}
    half = Faces(drawn.training.pixels[:512], drawn.training.labels[:512])
    public = drawn.public_test
    fit("small", half, public, build_recipe(settings), out=tmp_path / "teacher", show_progress=False)
    order = torch.randperm(len(half.labels), generator=torch.Generator().manual_seed(1)).numpy()
    noise = Faces(half.pixels, half.labels[order])
    scores = {}
    for weight in (0.0, 1.0):
        distill = {"teachers": [str(tmp_path / "teacher")], "weight": weight}
        recipe = build_recipe({**settings, "distill": distill})
        out = tmp_path / str(weight)
        result = fit("small", noise, public, recipe, out=out, seed=1, show_progress=False)
        scores[weight] = result.public_accuracy
    assert scores[1.0] > 0.8 > 0.5 > scores[0.0]
    block = json.loads((tmp_path / "1.0" / "config.json").read_text())["fer_zoo"]
    assert block["recipe"]["distill"]["teachers"] == ["teacher"]  # no folder of this machine
    assert block["teachers"][0]["name"] == "small" and len(block["teachers"][0]["sha256"]) == 16


def test_the_loss_is_least_where_the_student_agrees_and_its_gradient_keeps_its_size() -> None:
    torch.manual_seed(0)
    teacher = load_constant([3.0, 0, 0, 1.0, 0, 0, 0])
    faces = torch.zeros(4, 1, 48, 48, dtype=torch.uint8)
    sizes = []
    for temperature in (1.0, 8.0):
        settings = Distillation(("x",), temperature=temperature)
        same = teacher.model(faces).detach().requires_grad_()
        loss = distillation_loss(same, faces, teacher, settings)
        assert torch.autograd.grad(loss, same)[0].abs().max() < 1e-6
        other = torch.zeros(4, 7, requires_grad=True)
        assert distillation_loss(other, faces, teacher, settings) > loss
        away = distillation_loss(other, faces, teacher, settings)
        sizes.append(torch.autograd.grad(away, other)[0].norm().item())
    assert 0.3 < sizes[1] / sizes[0] < 3  # without the square it would be 64 times smaller


def load_constant(logits: list[float]) -> Teacher:
    from contextlib import nullcontext

    class Constant(torch.nn.Module):
        def forward(self, faces: torch.Tensor) -> torch.Tensor:
            return torch.tensor(logits).expand(len(faces), -1)

    return Teacher(Constant(), nullcontext(), {"name": "constant", "sha256": ""})  # type: ignore[arg-type]


def test_each_teacher_is_asked_about_equally_often() -> None:
    teachers = [load_constant([float(index)] * 7) for index in range(3)]
    generator = torch.Generator().manual_seed(0)
    asked = [teachers.index(pick_teacher(teachers, generator)) for _ in range(900)]
    assert all(250 < asked.count(index) < 350 for index in range(3))


def test_teachers_stand_still(tmp_path) -> None:
    torch.manual_seed(0)
    save_artifact(tmp_path / "one", create_model("cnn-baseline"), {"metrics": {}})
    [teacher] = load_teachers([str(tmp_path / "one")], CPU)
    assert not teacher.model.training
    assert not any(parameter.requires_grad for parameter in teacher.model.parameters())
    assert not teacher.soft_targets(torch.zeros(2, 1, 48, 48, dtype=torch.uint8), 2.0).requires_grad


def test_mistakes_are_told() -> None:
    with pytest.raises(UnknownNameError, match="nonsense"):
        load_teachers(["nonsense"], CPU)
    with pytest.raises(ArtifactError, match="/nowhere"):
        load_teachers(["/nowhere"], CPU)
    with pytest.raises(TrainingError, match=r"cnn-baseline knows .* has yes, no: .*teachers=\[\]"):
        load_teachers(["cnn-baseline"], CPU, ("yes", "no"))
    for wrong in ({"teachers": "cnn-baseline"}, {"temperature": 0}, {"weight": 1.5}, {"weight": "much"}):
        with pytest.raises(RecipeError, match="distill"):
            build_recipe({"distill": wrong})
    with pytest.raises(UnknownNameError, match="distill setting"):
        build_recipe({"distill": {"teacher": ["cnn-baseline"]}})
    recipe = build_recipe({"distill": {"teachers": ["cnn-baseline"]}})
    assert build_recipe(json.loads(json.dumps(describe_recipe(recipe)))) == recipe
