"""One contract for every method that takes a context, on two branches of y given x."""

from __future__ import annotations

import io
from functools import partial

import pytest
import torch
from torch import Generator

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.surface import input_gradient
from tests.catalogued import GIVEN, WITH_CONTEXT, begun, blank, data, is_reference, trained

every = pytest.mark.parametrize("name", WITH_CONTEXT)
GUESSERS = (
    *("oracle", "gaussian", "least_squares", "pcd", "mle_hmc", "gan_ratio", "dsm_multi"),
    *("mdn", "kmeans_net", "nsf", "vae", "vqvae", "glo"),
)
"""Methods that have a sampler of their own, or codes; all others are an energy alone."""


def energies(name: str, batch: Batch) -> torch.Tensor:
    surface = trained(name).given(batch.x)
    with torch.no_grad():
        return surface(batch.y)


@every
def test_the_energy_depends_on_its_row_and_its_context_alone(name: str) -> None:
    """Whatever the order, the parts, the copies; and another x is another energy."""
    batch = data(name, 21, 9)
    energy = energies(name, batch)
    assert energy.shape == (21,)
    assert torch.isfinite(energy).all()
    close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4)
    close(energies(name, batch.map(lambda part: part.flip(0))).flip(0), energy)
    parts = [energies(name, batch[start : start + 7]) for start in range(0, 21, 7)]
    close(torch.cat(parts), energy)
    copies = energies(name, Batch(batch.y.repeat(3, 1), batch.x))
    close(copies, energy.repeat(3))
    if name != "untrained@given":
        assert not torch.allclose(energies(name, Batch(batch.y, batch.x.flip(0))), energy, atol=1e-3)  # type: ignore[union-attr]


@every
def test_many_rows_keep_their_own_contexts(name: str) -> None:
    """More rows than any part that an energy is computed in."""
    batch = data(name, 3, 9)
    many = energies(name, Batch(batch.y.repeat(3000, 1), batch.x))
    torch.testing.assert_close(many, energies(name, batch).repeat(3000), rtol=1e-4, atol=1e-4)


@every
def test_a_model_is_rebuilt_from_shapes_and_its_state_alone(name: str) -> None:
    batch, file = data(name, 50), io.BytesIO()
    torch.save(trained(name).state_dict(), file)
    file.seek(0)
    again = blank(name)
    again.load_state_dict(torch.load(file, weights_only=True))
    with torch.no_grad():
        assert torch.equal(again.given(batch.x)(batch.y), energies(name, batch))


@every
def test_the_input_gradient_is_that_in_y(name: str) -> None:
    batch, step = data(name, 21, 2), 1e-2
    surface = trained(name).given(batch.x)
    _, gradient = input_gradient(surface, batch.y)
    with torch.no_grad():
        ahead, behind = (surface(batch.y + sign * step).double() for sign in (1, -1))
    slope = (ahead - behind) / (2 * step)
    wrong = (gradient.squeeze(-1).double() - slope).abs() / (1 + slope.abs())
    assert float(wrong.median()) < 0.05


@every
def test_guesses_are_one_row_for_each_context(name: str) -> None:
    """In the data's shape; of a seeded generator alone."""
    surface, batch = trained(name), data(name, 8, 3)
    assert surface.guesses == (name.removesuffix(GIVEN) in GUESSERS)
    if not surface.guesses:
        return
    with torch.no_grad():
        one, two = (surface.given(batch.x).guess(5, Generator().manual_seed(4)) for _ in range(2))
        assert one.shape == (8, 5, 1)
        assert torch.equal(one, two)
        if surface.samples_natively:
            assert surface.given(batch.x).sample(24, Generator()).shape == (24, 1)


@pytest.mark.parametrize("name", [name for name in WITH_CONTEXT if not is_reference(name)])
def test_training_moves_what_it_began_with(name: str) -> None:
    surface, _ = begun(name)
    batch = data(name, 30, 5)
    with torch.no_grad():
        assert not torch.allclose(surface.given(batch.x)(batch.y), energies(name, batch))
