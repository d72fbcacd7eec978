"""All metrics on bits: against sums over all states, and n/a with a reason where bits have no such thing."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Binary
from ebmbench.contracts.records import EnergyKind
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.binary import BarsAndStripes, BoltzmannMachine
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.store.records import Value
from tests.factories import Oracle, make_evaluation, make_truth

pytestmark = pytest.mark.long

MACHINE = BoltzmannMachine(units=8)


class Independent(Surface):
    """Bits with the true means."""

    def __init__(self, mean: Tensor) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return -(y * self.mean.log() + (1 - y) * (1 - self.mean).log()).sum(-1)


def held(surface: Surface, dataset: Dataset = MACHINE) -> Evaluation:
    return make_evaluation(surface, dataset, kind=EnergyKind.NORMALIZED, n=3000, seed=3)


def measured(evaluation: Evaluation, *metrics: str) -> dict[tuple[str, str], Value]:
    """These metrics, or all of them."""
    specs = [spec for spec in ebmbench_metrics() if spec.name in metrics or not metrics]
    return {(value.metric, value.variant): value for value in evaluate(evaluation, [(spec, "tests") for spec in specs])}


@cache
def of_the_truth() -> dict[tuple[str, str], Value]:
    return measured(held(Oracle(MACHINE)))


def test_no_metric_raises() -> None:
    assert [value for value in of_the_truth().values() if value.note.startswith("error")] == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("fisher", "bits have no gradient"),
        ("mass_outside", "the domain has no outside"),
        ("refinement", "all states are counted"),
        ("sliced_wasserstein", "directions are laid out for the plane only"),
        ("recall", "bits coincide"),
    ],
)
def test_what_bits_do_not_have_is_said(metric: str, reason: str) -> None:
    found = [value for (name, _), value in of_the_truth().items() if name == metric]
    assert found
    assert all(value.value is None and value.note.startswith(f"n/a: {reason}") for value in found)


def test_the_truth_is_at_its_best() -> None:
    found = of_the_truth()
    for name in (("kl", "raw"), ("kl_reverse", "raw"), ("tv", "raw"), ("log_z_error", "raw"), ("kl", "iso")):
        assert found[name].value == pytest.approx(0, abs=1e-9), name
    assert found["skill", ""].value == pytest.approx(1, abs=1e-9)
    assert found["v95_ratio", ""].value == pytest.approx(1)
    assert found["beta", ""].value == pytest.approx(1, abs=0.1)
    assert found["c2st", "common"].value == pytest.approx(0.5, abs=0.05)
    assert found["mmd2", "native"].value == pytest.approx(0, abs=2e-3)


def test_a_wrong_temperature_costs_what_the_sum_over_states_says() -> None:
    log_p = MACHINE.log_prob(MACHINE.domain.support(2).points)
    log_q = torch.log_softmax(2 * log_p, 0)
    expected = float((log_p.exp() * (log_p - log_q)).sum())
    assert expected > 0.1
    found = measured(held(Oracle(MACHINE, scale=2.0, constant=5.0)), "kl", "beta", "log_z_error")
    assert found["kl", "raw"].value == pytest.approx(expected)
    assert found["kl", "beta"].value == pytest.approx(0, abs=2e-3)
    assert found["kl", "iso"].value == pytest.approx(0, abs=1e-9)
    assert found["beta", ""].value == pytest.approx(0.5, abs=0.05)
    normalizer = float(torch.logsumexp(2 * log_p - 5.0, 0))
    assert found["log_z_error", "raw"].value == pytest.approx(normalizer)


def test_skill_is_zero_for_independent_bits_with_the_true_means() -> None:
    mean = torch.from_numpy(make_truth(MACHINE).moments[0])
    assert measured(held(Independent(mean)), "skill")["skill", ""].value == pytest.approx(0, abs=1e-6)
    assert measured(held(Independent(1 - mean)), "skill")["skill", ""].value != pytest.approx(0, abs=0.05)


def test_impossible_states_have_no_mass_and_do_no_harm() -> None:
    exact = BarsAndStripes(flip=0)
    found = measured(held(Oracle(exact), exact), "kl", "mode_mass_error")
    assert found["kl", "raw"].value == pytest.approx(0, abs=1e-9)
    assert found["mode_mass_error", "raw"].value == pytest.approx(0, abs=1e-9)
    blurred = measured(held(Oracle(BarsAndStripes()), exact), "kl", "kl_reverse")
    states = exact.domain.support(2).points
    log_p, log_q = exact.log_prob(states), BarsAndStripes().log_prob(states)
    seen = log_p > -torch.inf
    expected = float((log_p[seen].exp() * (log_p[seen] - log_q[seen])).sum())
    assert blurred["kl", "raw"].value == pytest.approx(expected)
    assert blurred["kl_reverse", "raw"].value == float("inf")


# --- bits that are too many to be counted -----------------------------------------------------------------------------


class Coins(Dataset):
    """24 independent bits with different means: sixteen million states, and a density in closed form."""

    @property
    def domain(self) -> Binary:
        return Binary(24)

    @property
    def mean(self) -> Tensor:
        return torch.linspace(0.1, 0.8, 24, dtype=torch.float64)

    def sample(self, n: int, generator: Generator) -> Batch:
        place = torch.rand(n, 24, generator=generator, dtype=torch.float64)
        return Batch((place < self.mean).double())

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return (y * self.mean.log() + (1 - y) * (1 - self.mean).log()).sum(-1)


CLAIM = "log Z = 0 as the energy claims, not checked: "
TOO_MANY = "24 bits have too many states to be visited one by one"
WITH_VALUES = {
    ("nll", "raw"),
    ("nll_se", "raw"),
    ("nll_validation", "raw"),
    ("log_density_mse", "raw"),
    ("mean_energy", ""),
    ("spearman", ""),
    ("mmd2", "native"),
    ("energy_distance", "native"),
    ("wasserstein2", "native"),
    ("c2st", "native"),
    ("ess_exact", "raw"),
}
REASONS = {
    TOO_MANY,
    "bits have no gradient",
    "bits coincide: the distance to a neighbor is a tie",
    "directions are laid out for the plane only",
    "the distribution is in one piece",
    "nothing is predicted where the data depend on no context x",
    "the data have no few futures given a context x",
    "these data scatter about no known curve or point",
    "there is nothing between two states",
    "y1 and y2 are the coordinates of a plane",
    "only a smoothed energy is blurred by noise of the method's own",
}


@cache
def of_many_bits() -> tuple[Evaluation, dict[tuple[str, str], Value]]:
    """Beside the truth with another scale, which claims to be normalized all the same."""
    evaluation = make_evaluation(Oracle(Coins(), scale=1.5), Coins(), kind=EnergyKind.NORMALIZED, n=2000)
    return evaluation, measured(evaluation)


def test_of_many_bits_what_needs_no_enumeration_has_a_value_and_all_else_a_reason() -> None:
    _, found = of_many_bits()
    assert {name for name, value in found.items() if value.value is not None} == WITH_VALUES
    reasons = {value.note.removeprefix("n/a: ") for name, value in found.items() if name not in WITH_VALUES}
    assert reasons == REASONS
    assert all(value.note.startswith("n/a: ") for name, value in found.items() if name not in WITH_VALUES)
    for name in (("kl", "raw"), ("skill", ""), ("beta", ""), ("mmd2", "common"), ("nll", "beta"), ("auroc", "")):
        assert found[name].note == f"n/a: {TOO_MANY}"


@pytest.mark.long
def test_of_many_bits_a_claimed_likelihood_is_the_closed_form_and_marked_as_a_claim() -> None:
    """F = -1.5 log p: the claimed likelihood is 1.5 times the entropy, which is a sum over bits; 4 standard errors."""
    evaluation, found = of_many_bits()
    mean = Coins().mean
    entropy = float(-(mean * mean.log() + (1 - mean) * (1 - mean).log()).sum())
    each = -1.5 * Coins().log_prob(evaluation.test.y)
    assert found["nll", "raw"].value == pytest.approx(float(each.mean()), abs=1e-9)
    assert found["nll", "raw"].value == pytest.approx(1.5 * entropy, abs=4 * float(each.std()) / 2000**0.5)
    assert found["nll_se", "raw"].value == pytest.approx(float(each.std()) / 2000**0.5, rel=1e-9)
    squared = (0.5 * Coins().log_prob(evaluation.test.y)).square().mean()
    assert found["log_density_mse", "raw"].value == pytest.approx(float(squared), rel=1e-9)
    for name in ("nll", "nll_se", "nll_validation", "log_density_mse"):
        assert found[name, "raw"].note == CLAIM + TOO_MANY


class Turned(Oracle):
    """The wrong twin: samples with every bit turned over."""

    def sample(self, n: int, generator: Generator) -> Tensor:
        return 1 - super().sample(n, generator)


def test_of_many_bits_order_and_samples_are_still_compared() -> None:
    _, right = of_many_bits()
    wrong = measured(make_evaluation(Turned(Coins()), Coins(), n=2000), "c2st", "energy_distance")
    assert right["spearman", ""].value == pytest.approx(1)
    assert right["c2st", "native"].value == pytest.approx(0.5, abs=0.05)
    assert right["energy_distance", "native"].value == pytest.approx(0, abs=0.01)
    assert wrong["c2st", "native"].value == pytest.approx(1, abs=0.05)
    apart = wrong["energy_distance", "native"].value
    assert apart is not None
    assert apart > 1
