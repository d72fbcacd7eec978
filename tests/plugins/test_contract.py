"""One contract for every method of the catalog."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts import Batch, Method
from ebmbench.datasets.plane import Moons
from ebmbench.harness.seeding import initialization
from ebmbench.parts.counting import Meter, metered
from ebmbench.parts.problem import Problem
from ebmbench.parts.surface import Surface
from ebmbench.suite.catalog import load_catalog
from ebmbench.suite.schema import NetConfig

CATALOG = load_catalog()
NAMES = sorted(CATALOG.methods)
DATASET = Moons()


def method_of(name: str) -> Method:
    entry = CATALOG.methods[name]
    method: Method = entry.load()(**entry.spec.params)
    return method


def rows(n: int, seed: int = 0) -> Tensor:
    return DATASET.sample(n, Generator().manual_seed(seed)).y.float()


def blank(name: str) -> Surface:
    truth = DATASET if CATALOG.methods[name].spec.reference else None
    return method_of(name).build(Problem.blank(DATASET.domain, NetConfig(), truth))


def trained(name: str, steps: int = 3, seed: int = 0) -> Surface:
    method, y = method_of(name), rows(500)
    truth = DATASET if CATALOG.methods[name].spec.reference else None
    problem = Problem(DATASET.domain, y.mean(0), torch.cov(y.T), NetConfig(), truth)
    with initialization(seed):
        surface = method.build(problem)
        stepper = method.stepper(surface)
    rng = Generator().manual_seed(seed)
    for step in range(steps):
        if stepper.finished():
            break
        batch = y if stepper.batch_rows is None else rows(stepper.batch_rows, step)
        stepper.step(Batch(batch), rng, step / steps)
    readout: Any = stepper.readout()
    assert isinstance(readout, Surface)
    return readout


@pytest.mark.parametrize("name", NAMES)
def test_the_energy_is_one_number_a_row_and_depends_on_its_row_alone(name: str) -> None:
    surface, y = trained(name), 3 * rows(64, 9)
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
        assert torch.equal(again(rows(50)), surface(rows(50)))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_model_and_no_global_number_is_drawn(name: str) -> None:
    before = torch.random.get_rng_state()
    first, second = trained(name), trained(name)
    assert torch.equal(torch.random.get_rng_state(), before)
    for one, two in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("name", [n for n in NAMES if not CATALOG.methods[n].spec.reference])
def test_training_changes_the_surface_and_another_seed_changes_it_otherwise(name: str) -> None:
    y = rows(100, 4)
    surfaces = trained(name, 1), trained(name, 6), trained(name, 6, seed=1)
    with torch.no_grad():
        short, longer, other = (surface(y) for surface in surfaces)
    assert not torch.allclose(short, longer)
    assert not torch.allclose(longer, other)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("oracle",)])
def test_the_energy_has_an_input_gradient(name: str) -> None:
    from ebmbench.parts.gradient import input_gradient

    surface, y = trained(name), rows(20, 2)
    _, gradient = input_gradient(surface, y)
    direction, step = torch.tensor([0.6, -0.8]), 1e-2
    with torch.no_grad():
        slope = (surface(y + step * direction).double() - surface(y - step * direction).double()) / (2 * step)
    wrong = (gradient.double() @ direction.double() - slope).abs() / (1 + slope.abs())
    assert float(wrong.median()) < 0.05


PASSES = {
    "mle_grid": 3 * (256 + 48 * 48),
    "snl": 3 * (256 + 1024),
    "nce": 3 * (256 + 4 * 256),
    "rank_nce": 3 * (256 + 1024),
    "cnce": 3 * 5 * 256,
    "energy_discrepancy": 3 * 9 * 256,
    "cd_k": 11 * 256 * 3 + 256 + 3 * 512,
    "cd_kick": 5 * 256 * 3 + 3 * 512,
    "pcd": 5 * 256 * 3 + 256 + 3 * 512,
    "mle_hmc": 6 * 256 * 3 + 256 + 3 * 512,
    "mle_langevin": 40 * 64 * 3 + 3 * (256 + 64),
    "margin": 3 * 3 * 256,
    "gan_ratio": 3 * 256 + 3 * 512 + 3 * 256,
    "dsm": 9 * 512,
    "dae": 3 * 512,
    "cae": 3 * 256 * 3,
    "sparse_coding": 3 * 200 * 64,
}


@pytest.mark.parametrize("name", PASSES)
def test_what_a_step_costs(name: str) -> None:
    method, y = method_of(name), rows(500)
    surface = method.build(Problem(DATASET.domain, y.mean(0), torch.cov(y.T), NetConfig()))
    stepper = method.stepper(surface)
    assert stepper.batch_rows is not None
    with metered(Meter()) as meter:
        stepper.step(Batch(rows(stepper.batch_rows)), Generator().manual_seed(0), 0.0)
    assert meter.passes == PASSES[name]


@pytest.mark.parametrize("name", ["gmm", "gaussian", "oracle", "pcd", "mle_hmc", "mle_langevin", "gan_ratio"])
def test_native_samples_have_the_data_shape_and_depend_on_the_generator_alone(name: str) -> None:
    surface = trained(name, 20)
    assert surface.samples_natively
    one, two, other = (surface.sample(200, Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one.shape == (200, 2)
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
