"""An evaluation seen through its calibrations: densities, likelihoods and what is remarked upon."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Binary
from ebmbench.contracts.records import EnergyKind
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.errors import NotApplicable
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.cuts import MAX_LOG_Z_ERROR
from ebmbench.truth.bounds import Bounds
from tests.factories import Bowl, Normal, TrueEnergy, make_evaluation


class Bits(Dataset):
    """Fair coins."""

    width: int

    @property
    def domain(self) -> Binary:
        return Binary(self.width)

    def sample(self, n: int, generator: Generator) -> Batch:
        return Batch(torch.randint(2, (n, self.width), generator=generator).double())

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return torch.full((len(y),), -self.width * math.log(2), dtype=torch.float64)


# --- calibrations ----------------------------------------------------------------------------------------------------


def test_each_calibration_is_a_density() -> None:
    """F = 3 |y|^2 / 2 + 5 on N(0, I): N(0, I / 3) as it is, near N(0, I) at its temperature and by its order."""
    evaluation = make_evaluation(Bowl(3.0, constant=5.0), Normal(), cells=200, n=4000)
    raw, beta, iso = (EvalContext(evaluation, variant) for variant in ("raw", "beta", "iso"))
    radius2 = evaluation.truth.normalizer.support.points.square().sum(-1).numpy()
    np.testing.assert_allclose(raw.log_q, -1.5 * radius2 + math.log(3 / (2 * math.pi)), atol=1e-6)
    assert (raw.beta_used, beta.beta_used) == (1, evaluation.beta)
    assert evaluation.beta == pytest.approx(1 / 3, rel=0.05)
    scale = 3 * evaluation.beta
    np.testing.assert_allclose(beta.log_q, -scale * radius2 / 2 + math.log(scale / (2 * math.pi)), atol=1e-6)
    inside = evaluation.truth.inside
    np.testing.assert_allclose(iso.log_q[inside], evaluation.truth.log_p[inside], atol=1e-6)
    assert np.array_equal(evaluation.iso_log_density_inside, iso.log_q[inside])
    np.testing.assert_allclose(raw.nll_test, 3 * evaluation.test.y.square().sum(-1) / 2 - math.log(3 / (2 * math.pi)))
    assert raw.nll_validation.mean() == pytest.approx(
        3 * evaluation.validation.y.square().sum(-1).mean().item() / 2 - math.log(3 / (2 * math.pi))
    )
    with pytest.raises(NotApplicable, match="no temperature"):
        _ = iso.beta_used


def test_a_lattice_that_is_too_coarse_for_an_energy_is_remarked_upon() -> None:
    """Cells 0.1 wide hold a deviation of 1 and not one of 0.05; a value that needs no log Z says nothing of it.

    Where such cells are cut there is nothing to remark: log Z is right.
    """

    def seen(a: float, variant: str, cut: bool = False) -> EvalContext:
        evaluation = make_evaluation(Bowl(a, (0.05, 0.05)), Normal(half_width=5), cells=100, n=10)
        if not cut:
            evaluation.__dict__["parts"] = evaluation.parts.part(np.arange(0))
        context = EvalContext(evaluation, variant)
        _ = context.log_q
        return context

    expected = f"the lattice is coarse for this energy: log Z may be off by more than {MAX_LOG_Z_ERROR}"
    assert seen(400.0, "raw").remarks == [expected]
    assert seen(1.0, "raw").remarks == seen(400.0, "iso").remarks == []
    assert seen(400.0, "raw", cut=True).remarks == []
    assert seen(400.0, "raw", cut=True).log_z == pytest.approx(math.log(2 * math.pi / 400), abs=2e-3)


def test_on_bits_every_normalizer_is_exact() -> None:
    machine = BoltzmannMachine(units=6)
    context = EvalContext(make_evaluation(TrueEnergy(machine, 3.0), machine, n=100), "raw")
    log_p = machine.log_prob(machine.domain.support().points)
    assert context.log_z == pytest.approx(float(torch.logsumexp(3 * log_p, 0)))
    assert context.remarks == []


@pytest.mark.parametrize("kind", list(EnergyKind))
@pytest.mark.parametrize("variant", ["raw", "beta"])
def test_without_a_support_only_a_normalized_energy_as_it_is_claims_a_likelihood(
    kind: EnergyKind, variant: str
) -> None:
    """Of 21 bits nothing can be checked: the zero that it claims is taken, and marked as a claim."""
    data = Bits(width=21)
    context = EvalContext(make_evaluation(TrueEnergy(data), data, kind=kind, n=10), variant)
    why = "21 bits have too many states to be visited one by one"
    if (kind, variant) == (EnergyKind.NORMALIZED, "raw"):
        np.testing.assert_allclose(context.nll_test, context.evaluation.energy_test)
        assert context.remarks == [f"log Z = 0 as the energy claims, not checked: {why}"]
    else:
        with pytest.raises(NotApplicable, match=why):
            _ = context.nll_test


def annealed(kind: EnergyKind, bounds: Bounds, n: int = 10) -> EvalContext:
    """A normal of five dimensions whose energy lacks its constant, with bounds that are given."""
    evaluation = make_evaluation(Bowl(center=(0.0,) * 5), Normal(dim=5, hidden=True), kind=kind, n=n)
    evaluation.__dict__["bounds"] = lambda beta: bounds
    return EvalContext(evaluation, "raw")


def test_in_many_dimensions_log_z_is_what_chains_say() -> None:
    context = annealed(EnergyKind.DENSITY, Bounds(4.5, 4.7, 4.59))
    np.testing.assert_allclose(context.nll_test, context.evaluation.energy_test + 4.59)
    assert context.remarks == ["log Z lies between the bounds of annealing: it may be off by as much as 0.3"]


def test_where_chains_do_not_agree_a_claim_is_left_and_marked() -> None:
    why = "the bounds of log Z are more than 2 nats apart: annealing says 1.00 to 9.00"
    context = annealed(EnergyKind.NORMALIZED, Bounds(1.0, 9.0, 4.6))
    np.testing.assert_allclose(context.nll_test, context.evaluation.energy_test)
    assert context.remarks == [f"log Z = 0 as the energy claims, not checked: {why}"]
    with pytest.raises(NotApplicable, match="more than 2 nats apart"):
        _ = context.log_q_test
    with pytest.raises(NotApplicable, match="more than 2 nats apart"):
        _ = annealed(EnergyKind.DENSITY, Bounds(1.0, 9.0, 4.6)).nll_test


def test_where_there_is_a_lattice_a_claim_is_not_taken() -> None:
    context = EvalContext(
        make_evaluation(Bowl(constant=9.0), Normal(), cells=100, kind=EnergyKind.NORMALIZED, n=10), "raw"
    )
    assert context.log_z_of("test") == context.log_z == pytest.approx(math.log(2 * math.pi) - 9, abs=1e-6)
    assert context.remarks == []
