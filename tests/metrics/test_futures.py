"""Next frames: the truth is at its best, a blurry mean and a single future in closed form, and so are odds."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.records import EnergyKind
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.sequences import BLOB, SIDE, Bounce, Occluder, Scenes
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.calibration import fit_odds_beta
from ebmbench.metrics.conditional import FuturesEvaluation
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.futures import completed, hits, linear_prediction, steepness
from ebmbench.store.records import Value
from tests.factories import Regression, RegressionEnergy, make_evaluation

N = 400
OCCLUDER = Occluder()
NAMES = ("foreseen_10", "sharpness", "futures_found", "futures_odds_error", "mean_gap", "predicted_10", "beta")


class TrueScenes(Surface):
    """F = constant - scale log p(y | x): it guesses nothing itself."""

    def __init__(self, scenes: Scenes, scale: float = 1.0) -> None:
        super().__init__()
        self.scenes, self.scale = scenes, scale

    def forward(self, y: Tensor) -> Tensor:
        return 7 - self.scale * self.scenes.log_prob(y.double(), self.context_of(len(y)))


class Guessing(TrueScenes):
    """The same with guesses: of the futures (B, K, d) and their weights, so many pictures."""

    def guess(self, n: int, generator: Generator) -> Tensor:
        assert self.context is not None
        return self.guesses_of(*self.scenes.futures(self.context), n)

    def guesses_of(self, future: Tensor, weight: Tensor, n: int) -> Tensor:
        """Each of the futures in turn."""
        return future.repeat(1, n, 1)[:, :n]


class Blurry(Guessing):
    """The average of the futures."""

    def guesses_of(self, future: Tensor, weight: Tensor, n: int) -> Tensor:
        return (weight[..., None] * future).sum(1, keepdim=True).expand(-1, n, -1)


class Sure(Guessing):
    """The likeliest future alone."""

    def guesses_of(self, future: Tensor, weight: Tensor, n: int) -> Tensor:
        return future[torch.arange(len(future)), weight.argmax(-1)][:, None].expand(-1, n, -1)


class OutOfFocus(Guessing):
    """The futures, each pixel the mean of four."""

    def guesses_of(self, future: Tensor, weight: Tensor, n: int) -> Tensor:
        frames = super().guesses_of(future, weight, n).view(len(future), n, SIDE, SIDE)
        return ((frames + frames.roll(1, -1) + frames.roll(1, -2) + frames.roll((1, 1), (-1, -2))) / 4).flatten(2)


def held(surface: Surface, scenes: Scenes = OCCLUDER, n: int = N) -> FuturesEvaluation:
    found = make_evaluation(surface, scenes, kind=EnergyKind.DENSITY, n=n)
    assert isinstance(found, FuturesEvaluation)
    return found


def measured(evaluation: FuturesEvaluation, *metrics: str) -> dict[tuple[str, str], Value]:
    specs = [spec for spec in ebmbench_metrics() if spec.name in metrics]
    return {(value.metric, value.variant): value for value in evaluate(evaluation, [(spec, "tests") for spec in specs])}


@cache
def found(kind: type[TrueScenes], scenes: Scenes = OCCLUDER) -> dict[tuple[str, str], float | None]:
    return {name: value.value for name, value in measured(held(kind(scenes), scenes), *NAMES).items()}


@pytest.mark.parametrize("scenes", [OCCLUDER, Bounce()], ids=["occluder", "bounce"])
def test_the_truth_is_at_its_best(scenes: Scenes) -> None:
    """The blob flies four steps at the most to its place: descents of the true energy end on its futures."""
    best = {
        ("foreseen_10", ""): 0.0,
        ("sharpness", ""): 1.0,
        ("futures_found", ""): 1.0,
        ("futures_odds_error", "raw"): 0.0,
    }
    for name, expected in best.items():
        assert found(Guessing, scenes)[name] == pytest.approx(expected, abs=0.03)


def test_the_average_of_the_futures_is_blurred_and_is_none_of_them() -> None:
    """Its error is that of the conditional mean, itself."""
    values = found(Blurry)
    assert values["foreseen_10", ""] == pytest.approx(1)
    assert values["predicted_10", ""] == pytest.approx(1)
    assert values["futures_found", ""] == 0


def test_sharpness_of_an_average_in_closed_form() -> None:
    """sum w_j w_k c(r_jk), c(r) = (1 - q) exp(-q) at q = (r / 2 s)^2: of the gradients of two blobs at a distance r."""
    scenes = Bounce()
    places = scenes.places()[1][:, :, 0]
    q = (torch.cdist(places, places) / (2 * BLOB)).square()
    expected = torch.einsum("sj,sk,sjk->s", scenes.odds, scenes.odds, (1 - q) * (-q).exp()).mean()
    assert found(Blurry, scenes)["sharpness", ""] == pytest.approx(float(expected), abs=0.01)
    assert float(expected) < scenes.odds[0].square().sum()


def test_a_single_future_is_sharp_and_misses_the_other() -> None:
    """Its squared error is D^2 where the other comes true, that of the mean w (1 - w) D^2."""
    values, evaluation = found(Sure), held(Sure(OCCLUDER))
    assert evaluation.truth.futures[1].shape == (N, 2)
    own = evaluation.truth.came_true(evaluation.test)[:128]
    missed = float((evaluation.truth.futures[1][:128].argmax(-1) != own).double().mean())
    mean = missed * 0.7**2 + (1 - missed) * 0.3**2
    assert values["foreseen_10", ""] == pytest.approx(math.sqrt(missed / mean), rel=0.02)
    assert values["futures_found", ""] == 0.5
    assert values["sharpness", ""] == pytest.approx(1, abs=0.005)


def test_out_of_focus_is_not_sharp() -> None:
    """Four pixels' mean in the place of each: the squared gradient of the blob falls to some .6, of the bar to half."""
    assert found(OutOfFocus)["sharpness", ""] == pytest.approx(0.6, abs=0.1)


def test_the_best_of_ten_draws_has_the_noise_of_two() -> None:
    """``predicted_10`` is held against the frame with its noise; the truth's guesses have none."""
    futures, weight = OCCLUDER.scenes[1], OCCLUDER.odds
    left = ((weight * (1 - weight)).mean() * (futures[:, 0] - futures[:, 1]).square().sum(-1).mean()).item()
    noise = 256 * OCCLUDER.sigma**2
    assert found(Guessing)["predicted_10", ""] == pytest.approx(math.sqrt(noise / (left + noise)), rel=0.05)


def test_odds_by_a_steeper_energy_are_those_of_powers() -> None:
    """F = -a log p: odds w^a / sum w^a; the fitted temperature is 1 / a, of N rows, and mends them."""
    values = measured(held(TrueScenes(OCCLUDER, 2.5), n=1000), "futures_odds_error", "beta")
    steep = 0.7**2.5 / (0.7**2.5 + 0.3**2.5)
    assert values["futures_odds_error", "raw"].value == pytest.approx(steep - 0.7, abs=1e-6)
    beta = values["beta", ""].value
    assert beta is not None
    error = 1 / math.sqrt(1000 * 0.21) / math.log(7 / 3)
    assert beta == pytest.approx(1 / 2.5, abs=4 * error / 2.5)
    assert values["futures_odds_error", "beta"].value == pytest.approx(0, abs=4 * math.sqrt(0.21 / 1000))


class Undecided(TrueScenes):
    """The same energy whatever the future."""

    def forward(self, y: Tensor) -> Tensor:
        return 0 * y.sum(-1)


def test_no_future_more_probable_than_another() -> None:
    values = measured(held(Undecided(OCCLUDER)), "futures_odds_error", "beta", "mean_gap")
    assert values["futures_odds_error", "raw"].value == pytest.approx(0.2)
    assert values["beta", ""].note.startswith("n/a: no temperature fits: no future has a lower energy")
    assert values["mean_gap", "raw"].value == 0


def test_the_likeliest_temperature_of_known_choices() -> None:
    """Two choices, one lower by e and chosen with a share s: beta e = log(s / (1 - s)), whatever is added to a row."""
    chosen = np.array([0] * 80 + [1] * 20)
    energies = np.array([[0.0, 3.0]]).repeat(100, 0) + np.linspace(-50, 50, 100)[:, None]
    assert fit_odds_beta(energies, chosen) == pytest.approx(math.log(4) / 3, rel=1e-4)
    assert fit_odds_beta(-energies, chosen) < 1e-3  # the wrong order has no use for any
    assert math.isnan(fit_odds_beta(0 * energies, chosen))


def test_the_average_with_noise_is_less_probable_than_a_future_with_it() -> None:
    """By .3^2 D^2 / (2 s^2) of the likelier future's normal. Without noise the average is more probable."""
    apart = float((OCCLUDER.scenes[1][:, 0] - OCCLUDER.scenes[1][:, 1]).square().sum(-1).mean())
    surprise = 0.7 * math.log(0.7) + 0.3 * math.log(0.3) - math.log(0.7)
    expected = 0.3**2 * apart / (2 * OCCLUDER.sigma**2) + surprise
    evaluation = held(TrueScenes(OCCLUDER))
    assert measured(evaluation, "mean_gap")["mean_gap", "raw"].value == pytest.approx(expected, rel=0.1)
    bare = evaluation.energy_at(torch.from_numpy(evaluation.truth.mean_given), evaluation.test.x)
    assert float((bare - evaluation.energy_test).mean()) < -50


def test_descents_of_a_bowl_end_at_its_bottom() -> None:
    """F = 3 |y - m(x)|^2, m(x) the mean of the futures: ends are nearer to it than a hundredth of a noisy frame."""

    class Bowls(TrueScenes):
        def forward(self, y: Tensor) -> Tensor:
            future, weight = self.scenes.futures(self.context_of(len(y)))
            return 3 * (y - (weight[..., None] * future).sum(1)).square().sum(-1)

    evaluation = held(Bowls(OCCLUDER), n=30)
    ends, mean = completed(evaluation, 3, 20), torch.from_numpy(evaluation.truth.mean_given[:20])
    assert ends.shape == (20, 3, 256)
    assert float((ends - mean[:, None]).norm(dim=-1).max()) < 0.02
    note = measured(evaluation, "sharpness")["sharpness", ""].note
    assert note == "the method guesses nothing itself: completed by 60 steps down its energy"


def test_descents_of_the_true_energy_end_at_futures() -> None:
    """Each at one of them: sharp, and as near as a guess need be."""
    evaluation = held(TrueScenes(OCCLUDER), n=30)
    assert measured(evaluation, "sharpness")["sharpness", ""].value == pytest.approx(1, abs=0.02)
    ends = completed(evaluation, 3, 20)
    nearest = torch.cdist(ends, evaluation.truth.futures[0][:20]).amin(-1)
    assert float(nearest.max()) < 0.05


def test_descents_start_about_the_linear_prediction() -> None:
    """Its mean is that of numpy's pseudo-inverse, on what x varies along."""
    evaluation = held(TrueScenes(OCCLUDER))
    assert evaluation.validation.x is not None
    x, y = evaluation.validation.x.numpy(), evaluation.validation.y.numpy()
    centered, (n, _) = x - x.mean(0), x.shape
    slope = np.linalg.pinv(np.cov(x.T), rcond=1e-5, hermitian=True) @ (centered.T @ (y - y.mean(0))) / (n - 1)
    noise = linear_prediction(evaluation)
    ours = noise.mean + (evaluation.validation.x - noise.origin) @ noise.slope
    np.testing.assert_allclose(ours.numpy(), y.mean(0) + centered @ slope, atol=1e-6)
    left = y - ours.numpy()
    assert np.square(left).mean() < 0.9 * np.square(y - y.mean(0)).mean()


def test_hits() -> None:
    """With its noise a draw counts; an average does not, nor a blank frame, nor another's future."""
    scenes = Bounce(sigma=0.1)
    x = scenes.scenes[0][:50]
    future, weight = scenes.futures(x)
    noise = 256 * scenes.sigma**2
    draws = future + scenes.sigma * torch.randn(future.shape, generator=Generator().manual_seed(0)).double()
    eye = torch.eye(3, dtype=torch.bool).expand(50, -1, -1)
    assert torch.equal(hits(future, future, noise), eye)
    assert torch.equal(hits(draws, future, noise), eye)
    others = scenes.scenes[1][100:103].mean(1).expand(50, -1, -1)
    for wrong in ((weight[..., None] * future).sum(1, keepdim=True), 0 * future, others):
        assert not bool(hits(wrong, future, noise).any())


def test_steepness_against_numpy() -> None:
    frames = torch.randn(2, 3, 2 * 5 * 4, generator=Generator().manual_seed(0)).double()
    pictures = frames.view(2, 3, 2, 5, 4).numpy()
    expected = sum(np.square(np.diff(pictures, axis=axis)).sum((-1, -2, -3)) for axis in (-1, -2))
    np.testing.assert_allclose(steepness(frames, (2, 5, 4)).numpy(), expected)


def test_no_metric_raises() -> None:
    evaluation = held(Guessing(OCCLUDER), n=60)
    values = measured(evaluation, *(spec.name for spec in ebmbench_metrics()))
    assert {name: value.note for name, value in values.items() if value.note.startswith("error")} == {}
    assert values["kl", "raw"].note == "n/a: no lattice of y in 256 dimensions is laid for each context x"
    assert values["prediction_recall", ""].note.startswith("n/a: noise leads every draw of a picture away")


def test_elsewhere_there_are_no_futures() -> None:
    evaluation = make_evaluation(RegressionEnergy(), Regression(), n=50)
    for spec in ebmbench_metrics():
        if spec.name in ("foreseen_10", "sharpness", "futures_found", "futures_odds_error"):
            for value in evaluate(evaluation, [(spec, "tests")]):
                assert value.note == "n/a: the data have no few futures given a context x"
