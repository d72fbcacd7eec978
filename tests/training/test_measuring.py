"""What is measured of a surface at its end and on its way, and what is left for pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.surface import Surface
from ebmbench.store.folders import TrialFolder
from ebmbench.store.records import Point, Value
from ebmbench.training.checks import Diverged
from ebmbench.training.components import TrialComponents
from ebmbench.training.loop import Progress
from ebmbench.training.measuring import MIN_LOG_DENSITY, SHOWN, Measuring
from ebmbench.training.milestones import Milestones
from ebmbench.training.seeding import seed_of
from tests.factories import Bowl, TrueEnergy, make_evaluation, make_training
from tests.planned import QUICK, planned_trial

METRICS = ["skill", "kl", "auroc", "mode_mass_error"]


def measuring_of(folder: TrialFolder, root: Path) -> Measuring:
    spec = folder.spec()
    assert spec is not None
    return Measuring(TrialComponents.load(spec, root), folder)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Measuring:
    """NCE on eight normals, not trained."""
    root = tmp_path_factory.mktemp("measuring")
    return measuring_of(planned_trial(root, metrics=METRICS), root)


@pytest.fixture
def measuring(planned: Measuring, tmp_path: Path) -> Measuring:
    """The same in a folder of the test's own."""
    return Measuring(planned.components, TrialFolder(tmp_path))


def numbers(values: list[Value]) -> dict[tuple[str, str], float | None]:
    return {(v.metric, v.variant): v.value for v in values}


# --- at the end ------------------------------------------------------------------------------------------------------


def test_the_truth_measures_as_the_truth_and_a_doubled_one_does_not(measuring: Measuring) -> None:
    cells = measuring.components.spec.metrics
    dataset = measuring.components.dataset
    found = numbers(measuring.final(TrueEnergy(dataset), cells)[1])
    wrong = numbers(measuring.final(TrueEnergy(dataset, scale=2.0), cells)[1])
    assert found["kl", "raw"] == pytest.approx(0, abs=1e-6)
    assert found["skill", ""] == pytest.approx(1, abs=1e-6)
    kl, at_its_temperature = wrong["kl", "raw"], wrong["kl", "beta"]
    assert kl is not None
    assert at_its_temperature is not None
    assert kl > 0.1
    assert at_its_temperature < 0.05


def test_it_is_measured_by_the_protocol_and_held_out_rows_of_the_trial(measuring: Measuring) -> None:
    evaluation, values = measuring.final(Bowl(0.5), ())
    assert values == []
    assert evaluation.truth.normalizer.domain.shape == (QUICK.lattice,) * 2
    assert evaluation.protocol == QUICK
    assert (len(evaluation.validation), len(evaluation.test)) == (200, 400)
    for mine, theirs in zip((evaluation.validation, evaluation.test), measuring.components.held_out, strict=True):
        assert torch.equal(mine.y, theirs.y)
    assert len(evaluation.common_samples) == QUICK.samples


class Broken(Surface):
    """F(y) = |y|^2, but for one half of the plane."""

    def __init__(self, energy: float) -> None:
        super().__init__()
        self.energy = energy

    def forward(self, y: Tensor) -> Tensor:
        return torch.where(y[:, 0] > 0, y.square().sum(-1), torch.full_like(y[:, 0], self.energy))


@pytest.mark.parametrize("energy", [math.nan, -math.inf])
def test_an_energy_that_is_no_number_somewhere_is_divergence(energy: float, measuring: Measuring) -> None:
    with pytest.raises(Diverged, match="not a number, or minus infinity, somewhere"):
        measuring.final(Broken(energy), ())


def test_an_infinite_energy_is_honest(measuring: Measuring) -> None:
    """There is no mass there."""
    evaluation, _ = measuring.final(Broken(math.inf), ())
    assert math.isfinite(evaluation.log_z(1.0).value)


# --- on the way ------------------------------------------------------------------------------------------------------


def states(measuring: Measuring, seeds: tuple[int, ...]) -> list[Surface]:
    """Surfaces of several seeds, as if they were one at different times."""
    here = measuring.components
    problem = here.problem(here.stream.training_set())
    found = []
    for seed in seeds:
        other = TrialComponents(here.spec.model_copy(update={"seed": seed}), here.method, here.dataset, here.like)
        found.append(other.surface(problem))
    return found


def keep(measuring: Measuring, surfaces: list[Surface]) -> None:
    milestones = Milestones(measuring.folder)
    for k, surface in enumerate(surfaces):
        progress = Progress(measuring.components.progress(surface).meter, steps=10 * (k + 1))
        progress.meter.total.passes = 1000.4 * (k + 1)
        milestones.keep(surface, progress, k + 0.5)


def test_the_curve_has_what_the_track_keeps_of_each_milestone(measuring: Measuring) -> None:
    """At its step, passes and seconds, measured on the coarse lattice; and nothing of metrics that are not kept."""
    surfaces = states(measuring, (1, 2))
    keep(measuring, surfaces)
    points = measuring.curve(measuring.components.spec.metrics)
    assert {(p.step, p.passes, p.train_seconds) for p in points} == {(10, 1000, 0.5), (20, 2001, 1.5)}
    assert {(p.metric, p.variant) for p in points} == {("kl", "raw"), ("kl", "beta"), ("auroc", "")}
    spec, (validation, test) = measuring.components.spec, measuring.components.held_out
    for k, surface in enumerate(surfaces):
        by_hand = make_evaluation(
            surface,
            measuring.components.dataset,
            cells=QUICK.milestone_lattice,
            validation=validation,
            test=test,
            like=torch.zeros(()),
            shift=seed_of(spec.protocol.seed, spec.seed),
        )
        np.testing.assert_allclose(measuring.energies[k], by_hand.energy_inside, rtol=1e-6)
        log_q = -by_hand.energy - by_hand.log_z(1.0).value
        p = np.exp(by_hand.truth.log_p + by_hand.truth.log_weight)
        kl = next(q.value for q in points if (q.step, q.metric, q.variant) == (10 * (k + 1), "kl", "raw"))
        assert kl == pytest.approx(float((p * (by_hand.truth.log_p - log_q)).sum()), rel=1e-6)


def test_without_milestones_or_metrics_there_is_no_curve(measuring: Measuring) -> None:
    assert measuring.curve(measuring.components.spec.metrics) == []
    keep(measuring, states(measuring, (1,)))
    assert measuring.curve(()) == []


VALUES = [
    Value("kl", "raw", 0.1),
    Value("kl", "beta", None, "n/a: why"),
    Value("auroc", "", 0.9),
    Value("skill", "", 0.5),
]


def test_the_curve_ends_with_the_final_values_of_what_is_kept(measuring: Measuring) -> None:
    """A value that is not there is no point of it, and where nothing was trained there is no curve."""
    training = make_training(steps=50, passes=999, train_seconds=7.0)
    expected = [Point(50, 999, 7.0, "kl", "raw", 0.1), Point(50, 999, 7.0, "auroc", "", 0.9)]
    assert measuring.end_of_curve(training, VALUES) == expected
    assert measuring.end_of_curve(make_training(steps=0), VALUES) == []


def test_the_curve_is_written_in_the_order_of_steps(measuring: Measuring) -> None:
    points = [Point(step, step, 0.0, "kl", "raw", float(step)) for step in (30, 10, 20)]
    measuring.write_curve(points)
    assert [point.step for point in measuring.folder.curve()] == [10, 20, 30]
    measuring.write_curve(points[:1])
    assert measuring.folder.curve() == points[:1]


# --- for pictures ----------------------------------------------------------------------------------------------------


def arrays(measuring: Measuring, name: str) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(measuring.folder.file(name), allow_pickle=False) as found:
        return dict(found)


def test_pictures_of_the_plane_have_the_energy_beside_the_truth(measuring: Measuring) -> None:
    keep(measuring, states(measuring, (1, 2)))
    measuring.curve(measuring.components.spec.metrics)
    evaluation, _ = measuring.final(Bowl(0.5), ())
    measuring.save_artifacts(evaluation)
    found = arrays(measuring, "surface.npz")
    assert set(found) == {"energy", "iso_log_density", "lattice", "shift", "box", "log_p", "milestones"}
    domain: Any = measuring.components.dataset.domain
    np.testing.assert_allclose(found["box"], [domain.low, domain.high])
    assert found["lattice"].tolist() == [QUICK.lattice, QUICK.lattice]
    np.testing.assert_allclose(found["energy"], evaluation.energy_inside, rtol=1e-6)
    assert found["milestones"].shape == (2, QUICK.milestone_lattice**2)
    kept = np.maximum(evaluation.truth.log_p[evaluation.truth.inside], MIN_LOG_DENSITY)
    np.testing.assert_allclose(found["log_p"], kept, rtol=1e-3)
    assert found["log_p"].dtype == found["iso_log_density"].dtype == np.float16
    assert np.isfinite(found["log_p"]).all()
    assert set(arrays(measuring, "samples.npz")) == {"common"}


def test_no_milestones_are_no_picture_of_them(measuring: Measuring) -> None:
    measuring.save_artifacts(measuring.final(Bowl(0.5), ())[0])
    assert "milestones" not in arrays(measuring, "surface.npz")


class Sampled(Bowl):
    """The normal of variance 2, with a sampler of its own."""

    def sample(self, n: int, generator: Generator) -> Tensor:
        return math.sqrt(2) * torch.randn(n, 2, generator=generator)


def test_samples_of_the_methods_own_are_kept_beside_the_common_ones(measuring: Measuring) -> None:
    measuring.save_artifacts(measuring.final(Sampled(0.5), ())[0])
    found = arrays(measuring, "samples.npz")
    assert {name: part.shape for name, part in found.items()} == {
        "common": (QUICK.samples, 2),
        "native": (QUICK.samples, 2),
    }
    assert found["native"].std() == pytest.approx(math.sqrt(2), rel=0.15)


def test_bits_have_their_states_for_a_lattice(tmp_path: Path) -> None:
    folder = planned_trial(tmp_path, datasets=[{"name": "boltzmann", "units": 4}], methods=["mpf"])
    measuring = measuring_of(folder, tmp_path)
    measuring.save_artifacts(measuring.final(TrueEnergy(measuring.components.dataset), ())[0])
    found = arrays(measuring, "surface.npz")
    assert found["lattice"].tolist() == [2] * 4
    np.testing.assert_allclose(found["energy"], -found["log_p"], atol=1e-2)


def test_users_rows_stand_in_the_place_of_a_truth_that_nobody_knows(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(300, 2))
    np.save(tmp_path / "mine.npy", rows)
    folder = planned_trial(
        tmp_path / "results", datasets=[{"file": str(tmp_path / "mine.npy")}], metrics=["nll", "auroc"]
    )
    measuring = measuring_of(folder, tmp_path / "results")
    measuring.save_artifacts(measuring.final(Bowl(1.0), ())[0])
    found = arrays(measuring, "surface.npz")
    assert set(found) == {"energy", "iso_log_density", "lattice", "shift", "box", "data"}
    domain: Any = measuring.components.dataset.domain
    np.testing.assert_allclose(found["box"], [domain.low, domain.high])
    assert {tuple(row) for row in found["data"]} <= {tuple(row) for row in rows}
    assert len(found["data"]) == min(SHOWN, len(measuring.components.held_out[1]))
