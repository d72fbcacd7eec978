"""The optimizer around a surface: schedule, clipping, average, terms that move only their own part."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import square
from ebmbench.contracts.surface import Surface
from ebmbench.errors import UsageError
from ebmbench.parts.energies import ScaledSurface
from ebmbench.parts.gradient import GradientMethod, GradientStepper
from tests.factories import make_problem


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

    def forward(self, y: Tensor) -> Tensor:
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
    reached = stepper.eval_surface()
    assert isinstance(reached, Two)
    assert float(reached.left.weight) == pytest.approx(average, rel=1e-5)
    assert float(reached.left.weight) != pytest.approx(float(surface.left.weight.detach()), rel=1e-3)
    assert float(reached.seen) == 7.0


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


# --- what an author may add ------------------------------------------------------------------------------------------


class Projected(Whole):
    """After each step the right weight is put back to where it says; the average is told what it lacks."""

    def after_step(self, surface: Two) -> None:
        with torch.no_grad():
            surface.right.weight.fill_(5.0)

    def finalize(self, surface: Two) -> None:
        surface.seen.fill_(3.0)


def test_a_projection_comes_after_each_update_and_before_the_average() -> None:
    surface = Two()
    stepper = GradientStepper(Projected(lr=0.1, warmup=0, ema=0.5), surface)
    stepper.step(BATCH, Generator(), 0.0)
    assert float(surface.right.weight.detach()) == 5.0
    assert float(stepper.ema_model.get_parameter("right.weight")) == pytest.approx(0.1 * 1 + 0.9 * 5)


def test_the_average_is_completed_before_it_is_measured_and_the_surface_in_training_is_not() -> None:
    surface = Two()
    stepper = GradientStepper(Projected(), surface)
    reached = stepper.eval_surface()
    assert float(reached.get_buffer("seen")) == 3.0
    assert float(surface.seen) == 0.0


class Constant(GradientMethod):
    """The wrong twin: nothing that is trained is in it."""

    def loss(self, surface: Two, batch: Batch, rng: Generator) -> Tensor:
        return batch.y.sum()


class Held(GradientMethod):
    """The other one: the energies were computed without a graph."""

    def loss(self, surface: Two, batch: Batch, rng: Generator) -> Tensor:
        with torch.no_grad():
            return surface(batch.y).mean()


@pytest.mark.parametrize("method", [Constant(), Held()], ids=lambda m: type(m).__name__)
def test_a_loss_that_needs_no_gradient_is_one_sentence(method: GradientMethod) -> None:
    surface = Two()
    before = surface.left.weight.clone()
    says = "loss: it depends on no parameter of the surface, so that nothing can be learned from it"
    with pytest.raises(UsageError, match=f"^{says}$"):
        GradientStepper(method, surface).step(BATCH, Generator(), 0.0)
    assert torch.equal(surface.left.weight, before)


# --- state -----------------------------------------------------------------------------------------------------------


class Noisy(GradientMethod):
    """Counts in a buffer, draws from the generator, and pulls the left weight."""

    def loss(self, surface: Two, batch: Batch, rng: Generator) -> Tensor:
        surface.seen.add_(1)
        return surface.left.weight.sum() * torch.randn((), generator=rng) + surface.right.weight.square().sum()


def stepped(stepper: GradientStepper, rng: Generator, steps: int) -> Two:
    for step in range(steps):
        stepper.step(BATCH, rng, step / 10)
    reached = stepper.eval_surface()
    assert isinstance(reached, Two)
    return reached


def numbers(surface: Two) -> list[float]:
    return [float(value) for value in surface.state_dict().values()]


def test_a_stepper_that_is_restored_goes_on_to_the_same_numbers_and_without_its_moments_it_does_not() -> None:
    method = Noisy(warmup=20)
    whole = GradientStepper(method, Two())
    rng = Generator().manual_seed(0)
    stepped(whole, rng, 4)
    held, drawn = copy.deepcopy(whole.state()), rng.get_state()
    expected = numbers(stepped(whole, rng, 4))

    def gone_on(**changes: Any) -> list[float]:
        again = GradientStepper(method, Two())
        again.restore(copy.deepcopy({**held, **changes}))
        again_rng = Generator()
        again_rng.set_state(drawn)
        return numbers(stepped(again, again_rng, 4))

    assert gone_on() == expected
    fresh = GradientStepper(method, Two())
    for left_out in ("optimizer", "ema_model", "taken"):
        assert gone_on(**{left_out: fresh.state()[left_out]}) != expected, left_out


def test_warming_up_leaves_everything_as_it_was() -> None:
    method = Noisy()
    cold, warm = (GradientStepper(method, Two()) for _ in range(2))
    warm.warm_up(BATCH, Generator().manual_seed(9))
    assert float(warm.surface.get_buffer("seen")) == 0
    results = [numbers(stepped(stepper, Generator().manual_seed(0), 3)) for stepper in (cold, warm)]
    assert results[0] == results[1]


def test_a_loss_is_followed_until_the_budget_is_spent_in_batches_of_its_size() -> None:
    stepper = GradientStepper(Whole(batch=17), Two())
    assert stepper.batch_rows == 17
    assert not stepper.finished()


def test_only_what_holds_no_other_model_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the work is: not the surface, nor the energy about the layers, but the layers."""
    compiled: list[str] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(type(self).__name__))
    surface = ScaledSurface(make_problem(square(5)))
    GradientStepper(Whole(), surface)
    assert compiled == []
    GradientStepper(Whole(), surface, compiled=True)
    assert compiled == ["FourierNet"]
