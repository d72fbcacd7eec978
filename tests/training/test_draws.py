"""Samplers that give other rows than they were asked for: a sentence at once, where they were waited for before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.records import Protocol, Status
from ebmbench.datasets.conditional import TwoBranches
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import UsageError
from ebmbench.store.folders import TrialFolder
from ebmbench.training.draws import check_samples
from ebmbench.training.worker import main
from ebmbench_plugins.a1_bounded_volume.gmm import Mixture
from tests.factories import Normal, Oracle, Regression, RegressionEnergy, make_evaluation, make_spec
from tests.planned import CHEAP, planned_trial

GIVEN = {**CHEAP, "datasets": ["two_branches"], "methods": ["nce"]}
"""Of y given x."""
Wrong = Callable[[Batch], Any]


def work(folder: TrialFolder) -> tuple[Status, str]:
    status = main(folder.path, folder.path.parents[2], None, 0)
    return status, folder.attempts()[-1].message


@pytest.fixture
def planned(tmp_path: Path) -> TrialFolder:
    return planned_trial(tmp_path, **CHEAP)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda batch: batch[:100], "sample(8192): expected y (8192, 2), got (100, 2)"),
        (lambda batch: Batch.cat([batch, batch]), "sample(8192): expected y (8192, 2), got (16384, 2)"),
        (lambda batch: Batch(batch.y[:, :1]), "sample(8192): expected y (8192, 2), got (8192, 1)"),
        (lambda batch: Batch(batch.y, batch.y), "sample(8192): expected x None, got (8192, 2)"),
        (lambda batch: batch.y, "sample(8192): expected a Batch, got a Tensor"),
        (lambda batch: batch[1:] if len(batch) == 200 else batch, "sample(200): expected y (200, 2), got (199, 2)"),
    ],
    ids=["fewer", "more", "narrow", "a context", "no batch", "held-out"],
)
def test_data_of_another_shape_than_was_asked_for_fail_before_training(
    wrong: Wrong, says: str, planned: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = EightGaussians.sample
    monkeypatch.setattr(EightGaussians, "sample", lambda self, n, generator: wrong(real(self, n, generator)))
    assert work(planned) == (Status.FAILED, f"8gaussians: {says}")
    assert planned.training() is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda batch: Batch(batch.y), "sample(8192): expected x (8192, 1), got None"),
        (lambda batch: Batch(batch.y, batch.x[:-1]), "sample(8192): expected x (8192, 1), got (8191, 1)"),
        (lambda batch: Batch(torch.cat([batch.x, batch.y], -1)), "sample(8192): expected y (8192, 1), got (8192, 2)"),
    ],
    ids=["no context", "fewer contexts", "both in one"],
)
def test_y_without_its_x_fails_before_training(
    wrong: Wrong, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, planned = TwoBranches.sample, planned_trial(tmp_path, **GIVEN)
    monkeypatch.setattr(TwoBranches, "sample", lambda self, n, generator: wrong(real(self, n, generator)))
    assert work(planned) == (Status.FAILED, f"two_branches: {says}")
    assert planned.training() is None


def test_y_and_its_x_are_trained_on_and_measured(tmp_path: Path) -> None:
    planned = planned_trial(tmp_path, **GIVEN)
    assert work(planned) == (Status.OK, "")


def test_samples_of_another_number_than_were_asked_for_fail_the_trial(
    planned: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its training is kept; it is the measuring that has nothing to go on."""
    real = Mixture.sample
    monkeypatch.setattr(Mixture, "sample", lambda self, n, generator: real(self, n - 1, generator))
    assert work(planned) == (Status.FAILED, "gmm: sample(200): expected samples (200, 2), got (199, 2)")
    assert planned.training() is not None


class Fixed(Oracle):
    """Whatever is asked for, a pool."""

    def sample(self, n: int, generator: Generator) -> Tensor:
        return torch.zeros(7, 2)


def test_samples_in_the_shape_that_was_asked_for_pass() -> None:
    spec = make_spec(method="mine", protocol=Protocol(samples=50))
    for surface, data in ((Oracle(Normal()), Normal()), (RegressionEnergy(), Regression())):
        evaluation = make_evaluation(surface, data, n=30)
        evaluation.protocol = spec.protocol
        check_samples(spec, evaluation)
    wrong = make_evaluation(Fixed(Normal()), Normal(), n=30)
    wrong.protocol = spec.protocol
    with pytest.raises(UsageError, match=r"mine: sample\(50\): expected samples \(50, 2\), got \(7, 2\)"):
        check_samples(spec, wrong)
