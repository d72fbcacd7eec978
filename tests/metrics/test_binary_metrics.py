"""The same metrics on bits: against sums over all states, and n/a with a reason where bits have no such thing."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Generator, Tensor

from ebmbench.contracts import EnergyKind
from ebmbench.datasets.binary import BarsAndStripes, BinaryDataset, BoltzmannMachine
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.context import Evaluation
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.ruler import Ruler
from ebmbench.parts.surface import Surface
from ebmbench.store.records import Value

MACHINE = BoltzmannMachine(units=8)


class Scaled(Surface):
    """A multiple of the true energy, plus a constant."""

    def __init__(self, dataset: BinaryDataset, scale: float = 1.0, constant: float = 0.0) -> None:
        super().__init__()
        self.dataset, self.scale, self.constant = dataset, scale, constant

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return self.constant - self.scale * self.dataset.log_prob(y)

    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        return self.dataset.sample(n, generator).y


class Independent(Surface):
    """Bits with the true means."""

    def __init__(self, mean: Tensor) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return -(y * self.mean.log() + (1 - y) * (1 - self.mean).log()).sum(-1)


def held(surface: Surface, dataset: BinaryDataset = MACHINE, kind: EnergyKind = EnergyKind.NORMALIZED) -> Evaluation:
    validation, test = (dataset.sample(3000, Generator().manual_seed(seed)).y for seed in (1, 2))
    like = torch.zeros((), dtype=torch.float64)
    return Evaluation(surface, Ruler(dataset, 400), kind, validation, test, 3, like)


def measured(evaluation: Evaluation) -> dict[tuple[str, str], Value]:
    values = evaluate(evaluation, [(spec, "tests") for spec in ebmbench_metrics()])
    return {(value.metric, value.variant): value for value in values}


@cache
def of_the_truth() -> dict[tuple[str, str], Value]:
    return measured(held(Scaled(MACHINE)))


def test_no_metric_raises() -> None:
    assert [value for value in of_the_truth().values() if value.note.startswith("error")] == []


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("fisher", "bits have no gradient"),
        ("leak", "the domain has no outside"),
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
    found = measured(held(Scaled(MACHINE, scale=2.0, constant=5.0)))
    assert found["kl", "raw"].value == pytest.approx(expected)
    assert found["kl", "beta"].value == pytest.approx(0, abs=2e-3)
    assert found["kl", "iso"].value == pytest.approx(0, abs=1e-9)
    assert found["beta", ""].value == pytest.approx(0.5, abs=0.05)
    normalizer = float(torch.logsumexp(2 * log_p - 5.0, 0))
    assert found["log_z_error", "raw"].value == pytest.approx(normalizer)


def test_skill_is_zero_for_independent_bits_with_the_true_means() -> None:
    mean = torch.from_numpy(Ruler(MACHINE, 400).moments[0])
    assert measured(held(Independent(mean)))["skill", ""].value == pytest.approx(0, abs=1e-6)
    assert measured(held(Independent(1 - mean)))["skill", ""].value != pytest.approx(0, abs=0.05)


def test_equal_means_put_no_order_on_the_states() -> None:
    """All pixels of bars and stripes are on half of the time: the floor is the uniform law, whatever sums round to."""
    assert len(np.unique(Ruler(BarsAndStripes(), 400).floor_energy)) == 1


def test_the_common_sampler_draws_states_by_their_mass() -> None:
    samples = held(Scaled(MACHINE)).common_samples
    assert samples.shape == (5000, 8)
    counts = np.bincount(MACHINE.domain.index(samples).numpy(), minlength=256)
    due = 5000 * MACHINE.log_prob(MACHINE.domain.support(2).points).exp().numpy()
    often = due >= 10
    found, expected = np.append(counts[often], counts[~often].sum()), np.append(due[often], due[~often].sum())
    assert chisquare(found, expected).pvalue > 1e-3


def test_impossible_states_have_no_mass_and_do_no_harm() -> None:
    exact = BarsAndStripes(flip=0)
    found = measured(held(Scaled(exact), exact))
    assert found["kl", "raw"].value == pytest.approx(0, abs=1e-9)
    assert found["mode_coverage", "common"].value == 1
    blurred = measured(held(Scaled(BarsAndStripes()), exact))
    states = exact.domain.support(2).points
    log_p, log_q = exact.log_prob(states), BarsAndStripes().log_prob(states)
    seen = log_p > -torch.inf
    expected = float((log_p[seen].exp() * (log_p[seen] - log_q[seen])).sum())
    assert blurred["kl", "raw"].value == pytest.approx(expected)
    assert blurred["kl_reverse", "raw"].value == float("inf")
