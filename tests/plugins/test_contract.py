"""One contract for every method of the catalog, on each kind of data that it works on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts import Batch, Dataset, Method
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.datasets.plane import Moons
from ebmbench.harness.clocks import Clock
from ebmbench.harness.loop import CHUNK, Progress, train
from ebmbench.harness.seeding import initialization
from ebmbench.harness.snapshot import Snapshot, Snapshots, Trace
from ebmbench.harness.stream import Stream
from ebmbench.parts.counting import Meter, metered
from ebmbench.parts.problem import Problem
from ebmbench.parts.surface import Surface
from ebmbench.store.folders import TrialFolder
from ebmbench.suite.catalog import load_catalog
from ebmbench.suite.schema import Budget, DataRegime, NetConfig

CATALOG = load_catalog()
BITS = "@binary"
"""What marks a method's name when it is tried on bits."""


def method_of(name: str) -> Method:
    entry = CATALOG.methods[name.removesuffix(BITS)]
    method: Method = entry.load()(**entry.spec.params)
    return method


def is_reference(name: str) -> bool:
    return CATALOG.methods[name.removesuffix(BITS)].spec.reference


def dataset_of(name: str) -> Dataset:
    return BoltzmannMachine(units=6) if name.endswith(BITS) else Moons()


ALL = sorted(CATALOG.methods)
PLANE = [name for name in ALL if "continuous" in method_of(name).works_on]
NAMES = [*PLANE, *(name + BITS for name in ALL if "binary" in method_of(name).works_on)]


def rows(name: str, n: int, seed: int = 0) -> Tensor:
    return dataset_of(name).sample(n, Generator().manual_seed(seed)).y.float()


def problem_of(name: str) -> Problem:
    y, dataset = rows(name, 500), dataset_of(name)
    return Problem(dataset.domain, y.mean(0), torch.cov(y.T), NetConfig(), dataset if is_reference(name) else None)


def blank(name: str) -> Surface:
    dataset = dataset_of(name)
    truth = dataset if is_reference(name) else None
    return method_of(name).build(Problem.blank(dataset.domain, NetConfig(), truth))


def training(name: str, steps: int = 3, seed: int = 0) -> Iterator[Surface]:
    """What is read out after each step."""
    method, y = method_of(name), rows(name, 500)
    with initialization(seed):
        surface = method.build(problem_of(name))
        stepper = method.stepper(surface)
    rng = Generator().manual_seed(seed)
    for step in range(steps):
        if not stepper.finished():
            batch = y if stepper.batch_rows is None else rows(name, stepper.batch_rows, step)
            stepper.step(Batch(batch), rng, step / steps)
        readout: Any = stepper.readout()
        assert isinstance(readout, Surface)
        yield readout


def trained(name: str, steps: int = 3, seed: int = 0) -> Surface:
    *_, last = training(name, steps, seed)
    return last


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


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_rebuilt_from_shapes_and_its_state_alone(name: str) -> None:
    surface, file = trained(name), io.BytesIO()
    torch.save(surface.state_dict(), file)
    file.seek(0)
    again = blank(name)
    again.load_state_dict(torch.load(file, weights_only=True))
    with torch.no_grad():
        assert torch.equal(again(rows(name, 50)), surface(rows(name, 50)))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_model_and_no_global_number_is_drawn(name: str) -> None:
    before = torch.random.get_rng_state()
    first, second = trained(name), trained(name)
    assert torch.equal(torch.random.get_rng_state(), before)
    for one, two in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("name", NAMES)
def test_neighbors_change_no_number(name: str) -> None:
    """Another method is trained before it, and step by step beside it, in one process: it is what it is alone."""
    alone = trained(name)
    neighbor = NAMES[NAMES.index(name) - 1]
    torch.rand(7, generator=torch.default_generator)
    for beside, _ in zip(training(name), training(neighbor, seed=5), strict=True):
        last = beside
    for one, two in zip(alone.state_dict().values(), last.state_dict().values(), strict=True):
        assert torch.equal(one, two)


CLOSED_FORM = ("pca", "ppca", "ica")
"""Methods that one step brings to the one optimum, wherever they start."""


@pytest.mark.parametrize("name", CLOSED_FORM)
def test_one_step_of_a_closed_form_is_all(name: str) -> None:
    y = rows(name, 100, 4)
    with torch.no_grad():
        untouched, fitted, other = blank(name)(y), trained(name, 1)(y), trained(name, 6, seed=1)(y)
    assert not torch.allclose(untouched, fitted)
    torch.testing.assert_close(fitted, other, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", [n for n in NAMES if not is_reference(n) and n not in CLOSED_FORM])
def test_training_changes_the_surface_and_another_seed_changes_it_otherwise(name: str) -> None:
    y = rows(name, 100, 4)
    surfaces = trained(name, 1), trained(name, 6), trained(name, 6, seed=1)
    with torch.no_grad():
        short, longer, other = (surface(y) for surface in surfaces)
    assert not torch.allclose(short, longer)
    assert not torch.allclose(longer, other)


@pytest.mark.parametrize("name", [n for n in PLANE if n not in ("oracle",)])
def test_the_energy_has_an_input_gradient(name: str) -> None:
    from ebmbench.parts.gradient import input_gradient

    surface, y = trained(name), rows(name, 20, 2)
    _, gradient = input_gradient(surface, y)
    direction, step = torch.tensor([0.6, -0.8]), 1e-2
    with torch.no_grad():
        slope = (surface(y + step * direction).double() - surface(y - step * direction).double()) / (2 * step)
    wrong = (gradient.double() @ direction.double() - slope).abs() / (1 + slope.abs())
    assert float(wrong.median()) < 0.05


@pytest.mark.parametrize("name", [n for n in NAMES if not is_reference(n)])
def test_a_training_that_is_cut_goes_on_to_the_same_numbers(name: str, tmp_path: Path) -> None:
    """Through the loop, a snapshot on disk, and fresh objects: bit for bit; without the generator it would not be."""
    method, whole, cut = method_of(name), Cut(name), Cut(name)
    budget = Budget(steps=4 if method.set_wise else 3 * CHUNK)
    straight = whole.train(budget)
    if straight.steps == 1:
        assert method.set_wise  # solved in one step: there is nothing to cut
        return
    snapshots = Snapshots(TrialFolder(tmp_path), every=0.0)
    with pytest.raises(Interrupted):
        cut.train(budget, snapshots)
    again = Cut(name)
    held = snapshots.load()
    assert held is not None
    progress, trace = held.resume(again.stepper, again.rng, again.clock)
    assert 0 < progress.steps < straight.steps or method.set_wise
    assert trace.interrupted == 1
    ended = again.train(budget, begun=progress)
    assert ended == straight
    for one, two in zip(again.state(), whole.state(), strict=True):
        assert torch.equal(one, two)


class Interrupted(Exception):
    """Somebody pulled the plug."""


class Cut:
    """A method in training on 2,000 rows, which may be cut after a snapshot."""

    def __init__(self, name: str) -> None:
        with initialization(0):
            surface = method_of(name).build(problem_of(name))
            self.stepper = method_of(name).stepper(surface)
        self.rng, self.clock = Generator().manual_seed(0), Clock(torch.device("cpu"))
        self.stream = Stream(dataset_of(name), DataRegime(set=2000), 0, torch.zeros(()))

    def train(self, budget: Budget, snapshots: Snapshots | None = None, begun: Progress | None = None) -> Progress:
        taken = 0

        def checkpoint(progress: Progress) -> None:
            nonlocal taken
            if snapshots is None:
                return
            if taken == 1:
                raise Interrupted
            snapshots.save(Snapshot.take(self.stepper, self.rng, progress, self.clock, Trace()))
            taken += 1

        return train(
            self.stepper, self.stream, budget, self.rng, self.clock, lambda surface, p: None, checkpoint, begun
        )

    def state(self) -> list[Tensor]:
        return list(self.stepper.readout().state_dict().values())


PASSES = {
    "mle_grid": 3 * (256 + 48 * 48),
    "snl": 3 * (256 + 1024),
    "nce": 3 * (256 + 4 * 256),
    "rank_nce": 3 * (256 + 1024),
    "cnce": 3 * 5 * 256,
    "energy_discrepancy": 3 * 9 * 256,
    "cd_k": 11 * 256 * 3 + 256 + 3 * 512,
    "cd_k_local": 11 * 256 * 3 + 3 * 512,
    "cd_kick": 5 * 256 * 3 + 3 * 512,
    "pcd": 5 * 256 * 3 + 256 + 3 * 512,
    "mle_hmc": 6 * 256 * 3 + 256 + 3 * 512,
    "mle_langevin": 40 * 64 * 3 + 3 * (256 + 64),
    "margin": 3 * 3 * 256,
    "gan_ratio": 3 * 256 + 3 * 512 + 3 * 256,
    "dsm": 9 * 512,
    "dsm_multi": 9 * 512,
    "sm_exact": 3 * (3 + 2) * 256,
    "ssm": 3 * (3 + 1) * 256,
    "ssm_vr": 3 * (3 + 1) * 256,
    "fd_ssm": 3 * 3 * 256,
    "dae": 3 * 512,
    "cae": 3 * 256 * 3,
    "cae_encoder": 3 * 256,
    "cae_hutchinson": 3 * 256 * 2,
    "saturating_ae": 3 * 256,
    "sparse_coding": 3 * 200 * 64,
    "lista": 3 * 2 * 256,
    "sparse_ae": 3 * 2 * 256,
    "vae": 3 * (1 + 8) * 256,
    "vqvae": 3 * 2 * 256 + 64,
    "glo": 512 + 3 * 256,
    "nsf": 3 * 2 * 512,
    "realnvp": 3 * 8 * 256,
    "dae_plain": 3 * 512,
    "dae_single": 3 * 512,
    "dae_potential": 9 * 512,
    "masked_ae": 3 * 256 * 2,
    "masked_ae_mse": 3 * 256 * 2,
    "masked_ae@binary": 3 * 256 * 6,
    "mle_enum@binary": 3 * (1024 + 2**6),
    "mpf@binary": 3 * 256 * (1 + 6),
    "ratio_matching@binary": 3 * 256 * (1 + 6),
    "pseudo_likelihood@binary": 3 * 256 * (1 + 6),
}


@pytest.mark.parametrize("name", PASSES)
def test_what_a_step_costs(name: str) -> None:
    stepper = method_of(name).stepper(method_of(name).build(problem_of(name)))
    assert stepper.batch_rows is not None
    with metered(Meter()) as meter:
        stepper.step(Batch(rows(name, stepper.batch_rows)), Generator().manual_seed(0), 0.0)
    assert meter.passes == PASSES[name]


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
    surface = trained(name, 20)
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
        problem = Problem.blank(dataset.domain, NetConfig(), dataset if is_reference(name) else None)
        obstacle = method.obstacle(problem)
        if kind in method.works_on:
            assert obstacle is None
        else:
            assert obstacle == f"works on {' and '.join(method.works_on)} data only"
