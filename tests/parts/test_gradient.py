"""The optimizer around a surface: schedule, clipping, average, terms that move only their own part."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts import Batch
from ebmbench.parts.gradient import GradientMethod, GradientStepper
from ebmbench.parts.surface import Surface


class Two(Surface):
    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Linear(1, 1, bias=False)
        self.right = nn.Linear(1, 1, bias=False)
        self.seen: Tensor
        self.register_buffer("seen", torch.zeros(()))
        with torch.no_grad():
            self.left.weight.fill_(1.0)
            self.right.weight.fill_(1.0)

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        product: Tensor = self.left(y) * self.right(y)
        return product.squeeze(-1)


class Whole(GradientMethod):
    def loss(self, surface: Two, batch: Batch, rng: Generator) -> Tensor:
        return surface.left.weight.sum() + 0 * surface.right.weight.sum()


class Parts(GradientMethod):
    """Each term depends on both parts and may move its own only."""

    def loss(self, surface: Two, batch: Batch, rng: Generator) -> Mapping[str, Tensor]:
        product = (surface.left.weight * surface.right.weight).sum()
        return {"left": product, "right": -product}


BATCH = Batch(torch.zeros(4, 1))


def test_the_rate_rises_then_falls_as_a_cosine_over_the_budget() -> None:
    stepper = GradientStepper(Whole(lr=0.1, warmup=4), Two())
    assert stepper.learning_rate(0.0) == pytest.approx(0.025)
    stepper.taken = 10
    assert stepper.learning_rate(0.25) == pytest.approx(0.1 * 0.5 * (1 + math.cos(math.pi / 4)))
    assert stepper.learning_rate(1.0) == pytest.approx(0)


def test_the_first_step_of_adam_is_the_rate() -> None:
    surface = Two()
    GradientStepper(Whole(lr=0.1, warmup=0), surface).step(BATCH, Generator(), 0.0)
    assert float(surface.left.weight.detach()) == pytest.approx(0.9, abs=1e-6)


def test_each_term_moves_its_own_part_only() -> None:
    surface = Two()
    logs = GradientStepper(Parts(lr=0.1, warmup=0), surface).step(BATCH, Generator(), 0.0)
    assert float(surface.left.weight.detach()) == pytest.approx(0.9, abs=1e-5)
    assert float(surface.right.weight.detach()) == pytest.approx(1.1, abs=1e-5)
    assert float(logs["loss"]) == pytest.approx(0)


def test_the_average_is_the_written_one_and_buffers_are_the_live_ones() -> None:
    surface = Two()
    stepper = GradientStepper(Whole(lr=0.1, warmup=0, ema=0.5), surface)
    average = 1.0
    for step in range(5):
        stepper.step(BATCH, Generator(), 0.0)
        decay = min(0.5, (step + 1) / (step + 10))
        average = decay * average + (1 - decay) * float(surface.left.weight.detach())
    surface.seen.fill_(7.0)
    readout = stepper.readout()
    assert isinstance(readout, Two)
    assert float(readout.left.weight) == pytest.approx(average, rel=1e-5)
    assert float(readout.left.weight) != pytest.approx(float(surface.left.weight.detach()), rel=1e-3)
    assert float(readout.seen) == 7.0


def test_clipping_bounds_the_norm() -> None:
    class Steep(GradientMethod):
        def loss(self, surface: Two, batch: Batch, rng: Generator) -> Tensor:
            return 1000 * (surface.left.weight + surface.right.weight).sum()

    surface = Two()
    GradientStepper(Steep(clip=0.5), surface).step(BATCH, Generator(), 0.0)
    gradients = torch.cat([p.grad.flatten() for p in surface.parameters() if p.grad is not None])
    assert float(gradients.norm()) == pytest.approx(0.5, rel=1e-4)


def test_groups_have_rates_of_their_own() -> None:
    class Faster(Whole):
        def loss(self, surface: Two, batch: Batch, rng: Generator) -> Tensor:
            return (surface.left.weight + surface.right.weight).sum()

        def param_groups(self, surface: Two) -> list[dict[str, object]]:
            return [
                {"params": list(surface.left.parameters())},
                {"params": list(surface.right.parameters()), "lr_scale": 10.0},
            ]

    surface = Two()
    GradientStepper(Faster(lr=0.01, warmup=0), surface).step(BATCH, Generator(), 0.0)
    assert 1 - float(surface.left.weight.detach()) == pytest.approx(0.01, rel=1e-3)
    assert 1 - float(surface.right.weight.detach()) == pytest.approx(0.1, rel=1e-3)
