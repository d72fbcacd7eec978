"""One contract for every method of the catalog, on each kind of data that it works on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from torch import Generator

from ebmbench.contracts.surface import input_gradient
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.datasets.plane import Moons
from ebmbench.store.folders import TrialFolder
from ebmbench.suite.schema import Budget, DataRegime
from ebmbench.training.clocks import Clock
from ebmbench.training.loop import Progress, train
from ebmbench.training.snapshots import Snapshot, Snapshots
from ebmbench.training.stream import Stream
from tests.catalogued import (
    ALL,
    BITS,
    CONDITIONAL_ONLY,
    GIVEN,
    NAMES,
    PLANE,
    begun,
    blank,
    dataset_of,
    equal_states,
    is_reference,
    meter_of,
    method_of,
    rows,
    trained,
    training,
)
from tests.factories import make_problem


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_energy_is_one_number_a_row_and_depends_on_its_row_alone(name: str) -> None:
    surface, y = trained(name), (1 if name.endswith(BITS) else 3) * rows(name, 64, 9)
    with torch.no_grad():
        energy = surface(y)
        assert energy.shape == (64,)
        assert torch.isfinite(energy).all()
        assert float(energy.std()) > 0
        torch.testing.assert_close(surface(y.flip(0)).flip(0), energy, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(
            torch.cat([surface(part) for part in torch.split(y, 7)]), energy, rtol=1e-4, atol=1e-4
        )
        assert torch.equal(surface(y), energy)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_rebuilt_from_shapes_and_its_state_alone(name: str) -> None:
    surface, file = trained(name), io.BytesIO()
    torch.save(surface.state_dict(), file)
    file.seek(0)
    again = blank(name)
    again.load_state_dict(torch.load(file, weights_only=True))
    with torch.no_grad():
        assert torch.equal(again(rows(name, 50)), surface(rows(name, 50)))


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_model_and_no_global_number_is_drawn(name: str) -> None:
    before = torch.random.get_rng_state()
    *_, first = training(name)
    *_, second = training(name)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert equal_states(first, second)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_neighbors_change_no_number(name: str) -> None:
    """Another method is trained before it, and step by step beside it, in one process: it is what it is alone."""
    alone = trained(name)
    neighbor = NAMES[NAMES.index(name) - 1]
    torch.rand(7, generator=torch.default_generator)
    for beside, _ in zip(training(name), training(neighbor, seed=5), strict=True):
        last = beside
    assert equal_states(alone, last)


CLOSED_FORM = ("pca", "ppca", "ica")
"""Methods that one step brings to the one optimum, wherever they start."""


@pytest.mark.parametrize("name", CLOSED_FORM)
def test_one_step_of_a_closed_form_is_all(name: str) -> None:
    y = rows(name, 100, 4)
    with torch.no_grad():
        untouched, fitted, other = blank(name)(y), trained(name, 1)(y), trained(name, 6, seed=1)(y)
    assert not torch.allclose(untouched, fitted)
    torch.testing.assert_close(fitted, other, atol=1e-3, rtol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("name", [n for n in NAMES if not is_reference(n) and n not in CLOSED_FORM])
def test_training_changes_the_surface_and_another_seed_changes_it_otherwise(name: str) -> None:
    y = rows(name, 100, 4)
    surfaces = trained(name, 1), trained(name, 6), trained(name, 6, seed=1)
    with torch.no_grad():
        short, longer, other = (surface(y) for surface in surfaces)
    assert not torch.allclose(short, longer)
    assert not torch.allclose(longer, other)


@pytest.mark.long
@pytest.mark.parametrize("name", [n for n in PLANE if n not in ("oracle",)])
def test_the_energy_has_an_input_gradient(name: str) -> None:
    surface, y = trained(name), rows(name, 20, 2)
    _, gradient = input_gradient(surface, y)
    direction, step = torch.tensor([0.6, -0.8]), 1e-2
    with torch.no_grad():
        slope = (surface(y + step * direction).double() - surface(y - step * direction).double()) / (2 * step)
    wrong = (gradient.double() @ direction.double() - slope).abs() / (1 + slope.abs())
    assert float(wrong.median()) < 0.05


@pytest.mark.long
@pytest.mark.parametrize("name", [n for n in NAMES if not is_reference(n)])
def test_a_training_that_is_cut_goes_on_to_the_same_numbers(name: str, tmp_path: Path) -> None:
    """Through the loop, a snapshot on disk, and fresh objects: bit for bit; without the generator it would not be."""
    full_batch = method_of(name).full_batch
    whole, cut, again = Cut(name), Cut(name), Cut(name)
    whole.train()
    if whole.progress.steps == 1:
        assert full_batch  # solved in one step: there is nothing to cut
        return
    snapshots = Snapshots(TrialFolder(tmp_path), every=0.0)
    with pytest.raises(Interrupted):
        cut.train(snapshots)
    held = snapshots.load()
    assert held is not None
    assert held.resume(again.stepper, again.rng, again.progress, again.clock) == 1
    assert 0 < again.progress.steps < whole.progress.steps or full_batch
    again.train()
    assert again.spent() == whole.spent()
    assert equal_states(again.stepper.eval_surface(), whole.stepper.eval_surface())


class Interrupted(Exception):
    """Somebody pulled the plug."""


class Cut:
    """A method in training on 2,000 rows, which may be cut after a snapshot."""

    def __init__(self, name: str) -> None:
        surface, self.stepper = begun(name)
        self.progress = Progress(meter_of(name, surface))
        self.rng, self.clock = Generator().manual_seed(0), Clock(torch.device("cpu"))
        self.stream = Stream(dataset_of(name), DataRegime(set=2000), 0, torch.zeros(()))

    def train(self, snapshots: Snapshots | None = None) -> None:
        """A few steps with milestones on the way, at which snapshots are taken; the second is not."""
        taken = 0

        def checkpoint(progress: Progress) -> None:
            nonlocal taken
            if snapshots is None:
                return
            if taken == 1:
                raise Interrupted
            snapshots.save(Snapshot.take(self.stepper, self.rng, progress, self.clock, 0))
            taken += 1

        train(
            self.stepper,
            self.stream,
            Budget(steps=8 if self.stepper.batch_rows else 4),
            self.rng,
            self.clock,
            self.progress,
            (0.3, 0.6),
            lambda surface, progress: None,
            checkpoint,
        )

    def spent(self) -> tuple[int, int, list[float]]:
        """Steps, rows of data, and what was charged."""
        return self.progress.steps, self.progress.samples, self.progress.meter.state()


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "gmm",
        "ppca",
        "ica",
        "nsf",
        "realnvp",
        "vae",
        "vqvae",
        "gaussian",
        "oracle",
        "pcd",
        "mle_hmc",
        "mle_langevin",
        "gan_ratio",
        "dsm_multi",
        "oracle@binary",
        "independent@binary",
    ],
)
def test_native_samples_have_the_data_shape_and_depend_on_the_generator_alone(name: str) -> None:
    surface = trained(name)
    assert surface.samples_natively
    one, two, other = (surface.sample(200, Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one.shape == (200, dataset_of(name).domain.dim)
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", ALL)
def test_a_method_says_what_kind_of_data_it_cannot_work_on(name: str) -> None:
    method = method_of(name)
    assert method.works_on
    for kind, dataset in (("continuous", Moons()), ("binary", BoltzmannMachine(units=6))):
        problem = make_problem(dataset.domain, truth=dataset if is_reference(name) else None)
        obstacle = method.obstacle(problem)
        if kind in method.works_on and name + GIVEN in CONDITIONAL_ONLY:
            assert "context x" in str(obstacle)
        elif kind in method.works_on:
            assert obstacle is None
        else:
            assert obstacle == f"works on {' and '.join(method.works_on)} data only"
