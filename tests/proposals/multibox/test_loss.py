from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor

from proposals.multibox.loss import ALPHA, bipartite_matching, multibox_loss

NOTHING = torch.zeros(0, 4)


def oracle(
    residuals: Tensor, logits: Tensor, priors: Tensor, scales: Tensor, boxes: Tensor
) -> float:
    """Try every assignment of the paper's F and return the least."""
    confidences = torch.sigmoid(logits)
    least = float("inf")
    for chosen in permutations(range(len(priors)), len(boxes)):
        total = -sum(
            float(torch.log(1 - confidences[i])) for i in range(len(priors)) if i not in chosen
        )
        for j, i in enumerate(chosen):
            wanted = (boxes[j] - priors[i]) / scales[i]
            total += ALPHA * 0.5 * float((residuals[i] - wanted).square().sum())
            total -= float(torch.log(confidences[i]))
        least = min(least, total)
    return least


def raw(seed: int, images: int, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, 2, generator=generator).sort(dim=1).values  # (K, 2, 2)
    priors = corners.reshape(count, 4)
    return (
        torch.randn(images, count, 4, generator=generator),
        torch.randn(images, count, generator=generator),
        priors,
        0.1 + torch.rand(count, 4, generator=generator),
    )


@pytest.mark.parametrize("objects", [0, 1, 2, 3])
def test_it_is_the_least_of_all_assignments(objects: int) -> None:
    residuals, logits, priors, scales = raw(objects, 1, 4)
    boxes = torch.rand(objects, 4, generator=torch.Generator().manual_seed(9))
    loss = multibox_loss(residuals, logits, priors, scales, [boxes], [NOTHING])
    expected = oracle(residuals[0], logits[0], priors, scales, boxes)
    assert loss.total.item() * max(objects, 1) == pytest.approx(expected, rel=1e-5)


def test_a_batch_is_the_sum_of_its_images() -> None:
    residuals, logits, priors, scales = raw(1, 2, 5)
    targets = [torch.rand(2, 4), torch.rand(0, 4)]
    both = multibox_loss(residuals, logits, priors, scales, targets, [NOTHING] * 2)
    single = [
        multibox_loss(residuals[[i]], logits[[i]], priors, scales, [targets[i]], [NOTHING])
        for i in range(2)
    ]
    # The first has two pairs, the second none and so is divided by 1.
    expected = (single[0].total * 2 + single[1].total) / 2
    assert both.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_gradients_move_boxes_to_objects_and_confidences_to_the_matched() -> None:
    priors = torch.tensor([[0.0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]])
    residuals = torch.zeros(1, 2, 4, requires_grad=True)
    logits = torch.zeros(1, 2, requires_grad=True)
    target = torch.tensor([[0.6, 0.5, 1, 1]])
    scales = torch.full((2, 4), 0.1)
    loss = multibox_loss(residuals, logits, priors, scales, [target], [NOTHING])
    loss.total.backward()  # type: ignore[no-untyped-call]
    assert residuals.grad is not None
    assert logits.grad is not None
    assert residuals.grad[0, 0].abs().sum() == 0
    assert residuals.grad[0, 1, 0] < 0  # the left edge has to move right
    assert logits.grad[0, 0] > 0 > logits.grad[0, 1]


@pytest.mark.parametrize(("objects", "predictions"), [(0, 3), (2, 5), (5, 2), (3, 3)])
def test_matching_uses_nothing_twice(objects: int, predictions: int) -> None:
    costs = torch.rand(objects, predictions, generator=torch.Generator().manual_seed(0))
    rows, columns = bipartite_matching(costs)
    assert len(rows) == len(columns) == min(objects, predictions)
    assert len(np.unique(rows)) == len(rows)
    assert len(np.unique(columns)) == len(columns)


def test_what_finds_an_unclear_object_is_neither_right_nor_wrong() -> None:
    priors = torch.tensor([[0.0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0.4, 0.4, 1, 1]])
    residuals = torch.zeros(1, 3, 4)
    scales = torch.full((3, 4), 0.1)
    difficult = torch.tensor([[0.5, 0.5, 1, 1]])

    def gradients(targets: Tensor) -> list[float]:
        logits = torch.zeros(1, 3, requires_grad=True)
        loss = multibox_loss(residuals, logits, priors, scales, [targets], [difficult])
        loss.total.backward()  # type: ignore[no-untyped-call]
        assert logits.grad is not None
        return logits.grad[0].tolist()

    first, second, third = gradients(NOTHING)
    assert first > 0  # far from it: wrong
    assert second == third == 0  # IoU 1 and 0.69
    # An object in the same place still takes the prediction that fits it best.
    first, second, third = gradients(difficult)
    assert first > 0 > second
    assert third == 0


def test_boxes_turned_inside_out_find_nothing() -> None:
    residuals, logits = torch.tensor([[[9.0, 9.0, -9.0, -9.0]]]), torch.zeros(1, 1)
    priors, scales = torch.tensor([[0.0, 0, 1, 1]]), torch.full((1, 4), 0.1)
    everything = torch.tensor([[0.0, 0, 1, 1]])
    loss = multibox_loss(residuals, logits, priors, scales, [NOTHING], [everything])
    assert loss.confidence.item() == pytest.approx(np.log(2))
