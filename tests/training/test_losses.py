"""What the loss does about unequal classes."""

import pytest
import torch
import torch.nn.functional as F

from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.training.losses import build_label_loss, class_weights_tensor

LABELS = torch.tensor([0] * 900 + [1] * 100)


@pytest.mark.parametrize(
    ("kind", "ratio"),
    [
        ("inverse", 9.0),
        ("sqrt", 3.0),
        ("effective", 6.2353),  # (1 - b ** 900) / (1 - b ** 100), b = 0.999
    ],
)
def test_class_weights_balance_the_classes(kind: str, ratio: float) -> None:
    weights = class_weights_tensor(LABELS, kind, 7)
    assert weights is not None and weights[LABELS].mean() == pytest.approx(1)
    assert float(weights[1] / weights[0]) == pytest.approx(ratio, rel=1e-3)


def draw_batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(64, 7, generator=generator), torch.randint(0, 2, (64,), generator=generator)


def test_a_plain_recipe_has_the_plain_loss() -> None:
    logits, labels = draw_batch()
    loss = build_label_loss(LABELS, build_recipe({"label_smoothing": 0.1}), 7)
    assert torch.equal(loss(logits, labels), F.cross_entropy(logits, labels, label_smoothing=0.1))


def test_focal_loss_is_the_papers_formula_and_joins_the_plain_one_at_gamma_0() -> None:
    logits, labels = draw_batch()
    right = logits.softmax(1)[torch.arange(64), labels]
    focal = build_label_loss(LABELS, build_recipe({"focal_gamma": 2.0}), 7)
    assert torch.allclose(focal(logits, labels), -((1 - right) ** 2 * right.log()).mean())
    settings = {"label_smoothing": 0.1, "class_weights": "inverse"}
    near = build_label_loss(LABELS, build_recipe({**settings, "focal_gamma": 1e-6}), 7)
    plain = build_label_loss(LABELS, build_recipe(settings), 7)
    assert torch.allclose(near(logits, labels), plain(logits, labels), rtol=1e-4)


@pytest.mark.parametrize("weights", ["none", "inverse"])
def test_focal_loss_takes_shares_as_it_takes_labels(weights: str) -> None:
    logits, labels = draw_batch()
    near, plain = (
        build_label_loss(LABELS, build_recipe({"class_weights": weights, "focal_gamma": gamma}), 7)
        for gamma in (1e-6, 0.0)
    )
    shares = 0.8 * F.one_hot(labels, 7) + 0.2 / 7
    assert torch.allclose(near(logits, shares), plain(logits, shares), rtol=1e-4)


def test_focal_loss_stays_finite_for_certain_answers() -> None:
    logits = torch.tensor([[60.0, 0, 0, 0, 0, 0, 0]], requires_grad=True)
    loss = build_label_loss(LABELS, build_recipe({"focal_gamma": 0.5}), 7)(logits, torch.tensor([0]))
    loss.backward()
    assert loss.isfinite() and logits.grad is not None and logits.grad.isfinite().all()


def test_logit_adjustment_makes_a_network_without_knowledge_treat_classes_alike() -> None:
    """Equal logits are the best answer that knows nothing: with the offset they already fit the shares."""
    loss = build_label_loss(LABELS, build_recipe({"logit_adjustment": 1.0}), 7)
    logits = torch.zeros(1000, 7, requires_grad=True)
    loss(logits, LABELS).backward()
    assert logits.grad is not None and logits.grad.sum(0)[:2].abs().max() < 0.01
    assert loss.offset is not None and float((loss.offset[0] - loss.offset[1]).exp()) == pytest.approx(9)
