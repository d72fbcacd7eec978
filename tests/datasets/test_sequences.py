"""Next frames against closed forms: the law of y given x is a mixture of normals about pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.special import logsumexp
from scipy.stats import norm
from torch import Generator, Tensor

from ebmbench.contracts.dataset import AtContext
from ebmbench.contracts.domain import Box
from ebmbench.datasets.sequences import BLOB, PAST, SIDE, Bounce, Occluder, Scenes, painted

N = 4000
SCENES: dict[str, Scenes] = {
    "occluder": Occluder(),
    "bounce": Bounce(),
    "two frames": Bounce(ways=(0.6, 0.3, 0.1), steps=2, sigma=0.15),
}
every = pytest.mark.parametrize("scenes", SCENES.values(), ids=SCENES)


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def entropy(scenes: Scenes) -> float:
    """Of the choice and of the noise: the futures are apart."""
    weight = scenes.odds[0]
    noise = scenes.domain.dim / 2 * math.log(2 * math.pi * math.e * scenes.sigma**2)
    return float(-(weight * weight.log()).sum()) + noise


@every
def test_density_against_scipy(scenes: Scenes) -> None:
    batch = scenes.sample(20, seeded())
    assert batch.x is not None
    future, weight = scenes.futures(batch.x)
    each = norm.logpdf(batch.y[:, None].numpy(), future.numpy(), scenes.sigma).sum(-1)
    expected = logsumexp(each + np.log(weight.numpy()), axis=1)
    np.testing.assert_allclose(scenes.log_prob(batch.y, batch.x).numpy(), expected, rtol=1e-10)


@every
def test_score_is_the_gradient_of_the_density(scenes: Scenes) -> None:
    """Between the futures too, where several pull."""
    batch = scenes.sample(20, seeded())
    assert batch.x is not None
    between = scenes.futures(batch.x)[0].mean(1)
    for y in (batch.y, between):
        y = y.clone().requires_grad_(True)
        (expected,) = torch.autograd.grad(scenes.log_prob(y, batch.x).sum(), y)
        torch.testing.assert_close(scenes.score(y.detach(), batch.x), expected, rtol=1e-9, atol=1e-9)


def excess(scenes: Scenes, y: Tensor, x: Tensor) -> float:
    """Standard errors by which the mean energy is above the entropy."""
    energy = -scenes.log_prob(y, x)
    return float((energy.mean() - entropy(scenes)) / energy.std() * math.sqrt(len(y)))


@every
def test_sampler_and_density_are_of_one_law(scenes: Scenes) -> None:
    """The wrong twins have noise a tenth wider, or the next row's past."""
    batch = scenes.sample(N, seeded())
    assert batch.x is not None
    assert abs(excess(scenes, batch.y, batch.x)) < 4
    wider = scenes.smoothed(scenes.sigma * math.sqrt(1.1**2 - 1))
    assert excess(scenes, wider.sample_given(batch.x, seeded(1)), batch.x) > 20
    assert excess(scenes, batch.y, batch.x.roll(1, 0)) > 4


@every
def test_futures_come_as_often_as_they_weigh(scenes: Scenes) -> None:
    batch = scenes.sample(N, seeded())
    assert batch.x is not None
    future, weight = scenes.futures(batch.x)
    which = (batch.y[:, None] - future).square().sum(-1).argmin(-1)
    for odds in torch.tensor(sorted(set(map(tuple, weight.tolist()))), dtype=torch.float64):
        rows = (weight == odds).all(-1)
        share = torch.bincount(which[rows], minlength=len(odds)) / int(rows.sum())
        error = (odds * (1 - odds) / int(rows.sum())).sqrt()
        assert bool(((share - odds).abs() < 4 * error).all())
    noise = batch.y - future[torch.arange(N), which]
    assert float(noise.std()) == pytest.approx(scenes.sigma, rel=0.01)


@every
def test_the_past_says_which_scene_it_is(scenes: Scenes) -> None:
    """Also in single precision; futures are many times as far apart as the noise is wide."""
    past, future = scenes.scenes
    every = torch.arange(len(past))
    assert torch.equal(scenes.scene_of(past.float()), every)
    assert torch.equal(scenes.scene_of(past + 1e-3 * torch.randn(past.shape, generator=seeded()).double()), every)
    apart = torch.cdist(future, future) + torch.diag(torch.full((future.shape[1],), torch.inf).double())
    assert float(apart.min()) > 11 * scenes.sigma
    assert isinstance(scenes.context, Box)
    assert scenes.context.shape == (PAST, SIDE, SIDE)
    assert scenes.domain.shape == (scenes.frames, SIDE, SIDE)
    assert bool(scenes.domain.contains(scenes.sample(N, seeded()).y).all())
    assert scenes.track == "sequences"


def test_a_blob_is_where_it_is_painted() -> None:
    frame = painted(torch.tensor([4.0, 9.0]).double())
    assert float(frame[4, 9]) == 1
    assert float(frame[6, 8]) == pytest.approx(math.exp(-5 / (2 * BLOB**2)))


def middle(frames: Tensor) -> Tensor:
    """Row and column of what is bright, (..., 16, 16) -> (..., 2)."""
    pixel = torch.arange(SIDE, dtype=torch.float64)
    mass = frames.sum((-1, -2))
    return torch.stack([(frames.sum(-1) * pixel).sum(-1) / mass, (frames.sum(-2) * pixel).sum(-1) / mass], -1)


def test_what_went_in_comes_out_on_the_other_side_above_or_below() -> None:
    past, future = (part.view(108, -1, SIDE, SIDE).clone() for part in Occluder().scenes)
    for part in (past, future):
        assert bool((part[..., 6:10] == 0.2).all())
        part[..., 6:10] = 0
    row, column = middle(past)[:, 0].unbind(-1)
    out = middle(future)
    assert float((out[:, 0, 0] - (row - 3)).abs().max()) < 0.2
    assert float((out[:, 1, 0] - (row + 3)).abs().max()) < 0.2
    assert bool(((column < 7.5)[:, None] == (out[..., 1] > 7.5)).all())


def test_a_bounce_leaves_at_its_angles() -> None:
    """Five pixels from where the line through the past meets the wall, two of them a chord apart."""
    scenes = Bounce()
    past, future = (part.view(144, -1, SIDE, SIDE) for part in scenes.scenes)
    first, second = middle(past).unbind(1)
    hit, out = 2 * second - first, middle(future)
    inside = (middle(future) - 7.5).abs().amax((1, 2)) < 4.6
    distance = (out - hit[:, None]).norm(dim=-1)
    assert float((distance - 5)[inside].abs().max()) < 0.2
    chord = (out[:, 0] - out[:, 2]).norm(dim=-1)[inside]
    assert float((chord - 10 * math.sin(math.radians(50))).abs().max()) < 0.2


@every
def test_the_law_at_one_past_has_the_futures_as_its_modes(scenes: Scenes) -> None:
    x = scenes.sample_context(3, seeded())
    one = scenes.at(x[1])
    assert isinstance(one, AtContext)
    y = one.sample(500, seeded()).y
    assert one.modes == scenes.odds.shape[1]
    assert set(one.assign_mode(y).tolist()) == set(range(one.modes))
    assert one.manifold is not None
    assert torch.equal(one.manifold.closest(y), scenes.futures(x)[0][1][one.assign_mode(y)])
    torch.testing.assert_close(one.log_prob(y), scenes.log_prob(y, x[1].expand(500, -1)))
    assert (one.assign_mode(y + 0.9 * scenes.sigma) == -1).all()


def test_odds_are_probabilities() -> None:
    with pytest.raises(ValidationError, match="whose sum is 1"):
        Bounce(ways=(0.5, 0.3, 0.1))
    with pytest.raises(ValidationError, match="above zero"):
        Bounce(ways=(0.7, 0.3, 0.0))
    for scenes in SCENES.values():
        torch.testing.assert_close(scenes.odds.sum(-1), torch.ones(len(scenes.scenes[0])).double())


def test_it_turns_to_its_left_whichever_way_it_flies() -> None:
    """Up the frame where it flies to the right, down where it flies to the left."""
    scenes = Occluder(weight=0.9)
    likeliest = scenes.odds.argmax(-1)
    first = scenes.scenes[0].view(108, 2, SIDE, SIDE)[:, 0].clone()
    first[..., 6:10] = 0
    to_the_right = middle(first)[:, 1] < 7.5
    rows = middle(scenes.scenes[1].view(108, 2, SIDE, SIDE))[..., 0]
    up = rows[torch.arange(108), likeliest] < rows[torch.arange(108), 1 - likeliest]
    assert torch.equal(up, to_the_right)


def test_the_likeliest_bounce_goes_on_along_the_wall() -> None:
    """What flies down along the wall goes on down it, and what comes straight goes straight back."""
    scenes = Bounce()
    past, future = scenes.places()
    flight = past[:, 1] - past[:, 0]
    leaving = future[:, :, 0] - (past[:, 1] + flight)[:, None]
    along = flight.abs() < 2
    onwards = (leaving * along[:, None]).sum(-1) / (5 * math.sin(math.radians(50)))
    expected = (onwards - (flight * along).sum(-1, keepdim=True)).abs().argmin(-1)
    assert torch.equal(scenes.odds.argmax(-1), expected)


@every
def test_smoothed_has_the_noise_of_both(scenes: Scenes) -> None:
    blurred = scenes.smoothed(0.3)
    assert isinstance(blurred, Scenes)
    assert blurred.sigma == pytest.approx(math.hypot(scenes.sigma, 0.3))
    assert torch.equal(blurred.scenes[1], scenes.scenes[1])
