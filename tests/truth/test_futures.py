"""What is known of a few futures given x."""

from __future__ import annotations

import pytest
import torch
from torch import Generator

from ebmbench.contracts.dataset import Batch
from ebmbench.datasets.sequences import Bounce, Occluder, Scenes
from ebmbench.errors import NotApplicable
from ebmbench.truth.futures import HELD, FuturesTruth
from ebmbench.truth.knowledge import truth_of
from ebmbench.truth.truth import TruthAtPoints


def known(scenes: Scenes, n: int = 200) -> tuple[FuturesTruth, Batch]:
    batch = scenes.sample(n, Generator().manual_seed(0))
    truth = truth_of(scenes, 100, contexts=batch.x)
    assert isinstance(truth, FuturesTruth)
    return truth, batch


def test_they_are_known_at_the_first_contexts() -> None:
    truth, batch = known(Occluder(), HELD + 50)
    assert len(truth.futures[0]) == HELD
    assert batch.x is not None
    assert torch.equal(truth.contexts, batch.x[:HELD])
    assert truth.normalizer.reason == "no lattice of y in 256 dimensions is laid for each context x"
    assert type(truth_of(Occluder(), 100)) is TruthAtPoints  # nobody says which contexts
    with pytest.raises(NotApplicable):
        truth.log_p  # noqa: B018


@pytest.mark.parametrize("scenes", [Occluder(), Bounce(steps=2)], ids=["occluder", "bounce"])
def test_the_mean_given_x_is_that_of_draws(scenes: Scenes) -> None:
    """Of 4000 draws of one scene, within 4.5 standard errors at every pixel."""
    truth, batch = known(scenes, 3)
    assert batch.x is not None
    drawn = scenes.sample_given(batch.x[1].expand(4000, -1), Generator().manual_seed(1))
    gap = (drawn.mean(0) - torch.from_numpy(truth.mean_given[1])).abs()
    assert float((gap / (drawn.std(0) / 4000**0.5)).max()) < 4.5


def test_what_came_true_is_what_noise_was_laid_on() -> None:
    """Known here by the construction; another future has the same noise, and the odds are then those of the truth."""
    scenes = Bounce()
    truth, batch = known(scenes)
    assert batch.x is not None
    future, weight = scenes.futures(batch.x)
    which = torch.arange(200) % 3
    noise = scenes.sigma * torch.randn(200, 256, generator=Generator().manual_seed(3), dtype=torch.float64)
    made = Batch(future[torch.arange(200), which] + noise, batch.x)
    assert torch.equal(truth.came_true(made), which)
    torch.testing.assert_close(truth.true_future(made), future[torch.arange(200), which])
    moved = truth.transplanted(made)
    torch.testing.assert_close(moved, future + noise[:, None])
    each = torch.stack([scenes.log_prob(moved[:, k], batch.x) for k in range(3)], -1)
    torch.testing.assert_close(each.softmax(-1), weight, atol=1e-3, rtol=0)
