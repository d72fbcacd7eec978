"""What an author of an energy gets for writing ``forward`` alone: derivatives, held against closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.surface import EnergyModel, MapModel, Surface, input_gradient, unit_vectors


def points(n: int = 7, d: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=Generator().manual_seed(seed), dtype=torch.float64)


def directions(n: int = 7, k: int = 3, d: int = 2) -> Tensor:
    return torch.randn(n, k, d, generator=Generator().manual_seed(1), dtype=torch.float64)


class Curved(EnergyModel):
    """F = a y1^3 + b y1 sin y2, with every derivative beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = (nn.Parameter(torch.tensor(value, dtype=torch.float64)) for value in (0.7, -1.3))

    def forward(self, y: Tensor) -> Tensor:
        return self.a * y[:, 0] ** 3 + self.b * y[:, 0] * y[:, 1].sin()

    def gradient(self, y: Tensor) -> Tensor:
        first, second = y.unbind(-1)
        return torch.stack([3 * self.a * first**2 + self.b * second.sin(), self.b * first * second.cos()], -1)

    def hessian(self, y: Tensor) -> Tensor:
        first, second = y.unbind(-1)
        mixed = self.b * second.cos()
        rows = [torch.stack([6 * self.a * first, mixed], -1), torch.stack([mixed, -self.b * first * second.sin()], -1)]
        return torch.stack(rows, -2)

    def curvature(self, y: Tensor, v: Tensor) -> Tensor:
        return torch.einsum("bki,bij,bkj->bk", v, self.hessian(y), v)

    def laplacian(self, y: Tensor) -> Tensor:
        return self.hessian(y).diagonal(dim1=-2, dim2=-1).sum(-1)


# --- derivatives of an energy ----------------------------------------------------------------------------------------


def test_the_gradient_is_the_closed_form() -> None:
    model, y = Curved(), points()
    energy, gradient = model.with_gradient(y)
    torch.testing.assert_close(energy, model(y))
    torch.testing.assert_close(gradient, model.gradient(y))


def test_the_curvature_along_directions_is_the_closed_form() -> None:
    model, y, v = Curved(), points(), directions()
    energy, gradient, second = model.with_curvature(y, v)
    torch.testing.assert_close(energy, model(y))
    torch.testing.assert_close(gradient, model.gradient(y))
    torch.testing.assert_close(second, model.curvature(y, v))


def test_the_laplacian_is_the_trace() -> None:
    model, y = Curved(), points()
    energy, gradient, laplacian = model.with_laplacian(y)
    torch.testing.assert_close(energy, model(y))
    torch.testing.assert_close(gradient, model.gradient(y))
    torch.testing.assert_close(laplacian, model.laplacian(y))


def test_the_unit_vectors_are_every_axis_at_every_row() -> None:
    found = unit_vectors(points(3, 4).float())
    assert found.dtype == torch.float32
    assert torch.equal(found, torch.eye(4).repeat(3, 1, 1))


Part = Callable[[Curved, Tensor], Tensor]
PARTS: dict[str, tuple[Part, Part]] = {
    "gradient": (lambda model, y: model.with_gradient(y)[1], Curved.gradient),
    "curvature": (
        lambda model, y: model.with_curvature(y, directions())[2],
        lambda model, y: model.curvature(y, directions()),
    ),
    "laplacian": (lambda model, y: model.with_laplacian(y)[2], Curved.laplacian),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_loss_on_a_derivative_moves_the_parameters_as_the_closed_form_does(name: str) -> None:
    model, y = Curved(), points()
    losses = [part(model, y).square().sum() for part in PARTS[name]]
    found, expected = (torch.autograd.grad(loss, [model.a, model.b]) for loss in losses)
    torch.testing.assert_close(found, expected)


def test_nothing_is_recorded_where_nobody_records() -> None:
    model, y = Curved(), points()
    with torch.no_grad():
        parts = [*model.with_gradient(y), *model.with_curvature(y, directions()), *model.with_laplacian(y)]
    assert not any(part.requires_grad for part in parts)
    torch.testing.assert_close(parts[4], model.curvature(y, directions()))


def test_the_gradient_at_points_has_no_graph_even_where_autograd_records() -> None:
    model, y = Curved(), points().requires_grad_()
    energy, gradient = input_gradient(model, y)
    assert not energy.requires_grad
    assert not gradient.requires_grad
    torch.testing.assert_close(gradient, model.gradient(y.detach()))


def test_points_are_left_as_they_were() -> None:
    model, y = Curved(), points()
    model.with_curvature(y, directions())
    input_gradient(model, y)
    assert not y.requires_grad
    assert y.grad is None
    assert torch.equal(y, points())


def test_a_row_does_not_hear_of_the_others() -> None:
    model, y, v = Curved(), points(), directions()
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    whole = model.with_curvature(y, v)
    for part, alone in zip(whole, model.with_curvature(y[order], v[order]), strict=True):
        torch.testing.assert_close(part[order], alone)
    for part, alone in zip(whole, model.with_curvature(y[:1], v[:1]), strict=True):
        torch.testing.assert_close(part[:1], alone)


def test_samplers_use_the_derivatives_that_a_model_writes_out() -> None:
    class Written(Curved):
        def with_gradient(self, y: Tensor) -> tuple[Tensor, Tensor]:
            return self(y), torch.full_like(y, 7.0)

    assert (input_gradient(Written(), points())[1] == 7).all()


# --- energies that hardly depend on y --------------------------------------------------------------------------------


class Zeros(EnergyModel):
    """Not a function of anything."""

    def forward(self, y: Tensor) -> Tensor:
        return torch.zeros(len(y), dtype=y.dtype)


class Constant(EnergyModel):
    """A parameter, whatever y."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(2.5, dtype=torch.float64))

    def forward(self, y: Tensor) -> Tensor:
        return self.level.expand(len(y))


class Rounded(EnergyModel):
    """Flat between its steps, and cut off from y in the graph."""

    def forward(self, y: Tensor) -> Tensor:
        return y.detach().round().sum(-1)


class Linear(EnergyModel):
    """w y1: a gradient, and no curvature."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(1.5, dtype=torch.float64))

    def forward(self, y: Tensor) -> Tensor:
        return self.slope * y[:, 0]


@pytest.mark.parametrize("model", [Zeros(), Constant(), Rounded()], ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("recording", [True, False])
def test_an_energy_that_does_not_depend_on_y_has_no_gradient_and_no_curvature(
    model: EnergyModel, recording: bool
) -> None:
    y = points()
    with torch.set_grad_enabled(recording):
        energy, gradient = model.with_gradient(y)
        curved = model.with_curvature(y, directions())
        laplacian = model.with_laplacian(y)[2]
    assert torch.equal(energy, model(y))
    assert torch.equal(curved[0], model(y))
    for found, shape in ((gradient, (7, 2)), (curved[1], (7, 2)), (curved[2], (7, 3)), (laplacian, (7,))):
        assert torch.equal(found, torch.zeros(shape, dtype=torch.float64))


def test_a_linear_energy_has_a_gradient_and_no_curvature() -> None:
    model = Linear()
    _, gradient, second = model.with_curvature(points(), directions())
    assert torch.equal(gradient, torch.tensor([[1.5, 0.0]], dtype=torch.float64).expand(7, 2))
    assert torch.equal(second, torch.zeros(7, 3, dtype=torch.float64))
    (found,) = torch.autograd.grad(gradient.sum(), [model.slope])
    assert float(found) == 7


# --- surfaces and contexts -------------------------------------------------------------------------------------------


class Regression(Surface):
    """F(y, x) = w (y1 - x)^2 + y2 x, with samples at the context."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(3.0, dtype=torch.float64))

    def forward(self, y: Tensor) -> Tensor:
        x = self.context_of(len(y))
        return self.weight * (y[:, 0] - x[:, 0]) ** 2 + y[:, 1] * x[:, 0]

    def sample(self, n: int, generator: Generator) -> Tensor:
        x = self.context_of(n)
        return torch.cat([x, -x], -1)

    @property
    def smoothing(self) -> float | None:
        return 0.3


def contexts(n: int = 7) -> Tensor:
    return torch.arange(n, dtype=torch.float64)[:, None]


def test_given_its_contexts_a_conditional_energy_is_one_of_y_alone() -> None:
    surface, y, x = Regression(), points(), contexts()
    bound = surface.given(x)
    torch.testing.assert_close(bound(y), surface.weight * (y[:, 0] - x[:, 0]) ** 2 + y[:, 1] * x[:, 0])
    gradient = torch.stack([2 * surface.weight * (y[:, 0] - x[:, 0]), x[:, 0]], -1)
    torch.testing.assert_close(bound.with_gradient(y)[1], gradient)
    torch.testing.assert_close(input_gradient(bound, y)[1], gradient.detach())
    v = directions()
    torch.testing.assert_close(bound.with_curvature(y, v)[2], 2 * surface.weight * v[..., 0] ** 2)


def test_another_context_is_another_energy() -> None:
    """The wrong twin: contexts that are paired with other rows."""
    surface, y = Regression(), points()
    assert not torch.allclose(surface.given(contexts())(y), surface.given(contexts().flip(0))(y))


def test_a_loss_on_a_bound_surface_moves_the_surface() -> None:
    surface = Regression()
    surface.given(contexts())(points()).sum().backward()  # type: ignore[no-untyped-call]
    assert surface.weight.grad is not None
    expected = (points()[:, 0] - contexts()[:, 0]).square().sum()
    torch.testing.assert_close(surface.weight.grad, expected)


def test_a_bound_surface_draws_once_for_each_of_its_contexts_again_and_again() -> None:
    bound = Regression().given(contexts(3))
    assert bound.samples_natively
    assert bound.sample(6, Generator()).tolist() == 2 * [[0, 0], [1, -1], [2, -2]]
    assert bound.guess(2, Generator()).tolist() == [2 * [[0, 0]], 2 * [[1, -1]], 2 * [[2, -2]]]


def test_copies_of_a_batch_see_its_contexts_again() -> None:
    surface, y = Regression(), points()
    once = surface.given(contexts())(y)
    torch.testing.assert_close(surface.given(contexts())(torch.cat([y, y])), torch.cat([once, once]))


def test_rows_that_are_no_copies_of_the_contexts_are_refused() -> None:
    with pytest.raises(ValueError, match="7 rows are no whole number of copies of the 3 contexts"):
        Regression().given(contexts(3))(points())
    with pytest.raises(ValueError, match=r"expected surface.given\(x\)"):
        Regression()(points())


class Deep(Surface):
    """A part within a part looks at the context; another is the same for all."""

    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(Regression())
        self.line = nn.Linear(2, 1, dtype=torch.float64)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, y: Tensor) -> Tensor:
        self.seen += 1
        energy: Tensor = self.inner(y) + self.line(y).squeeze(-1)
        return energy


def test_the_parts_of_a_bound_surface_see_the_context_and_are_the_same_parameters() -> None:
    surface, y = Deep(), points()
    bound = surface.given(contexts())
    torch.testing.assert_close(bound(y), Regression().given(contexts())(y) + surface.line(y).squeeze(-1))
    assert bound.line is surface.line
    assert [id(p) for p in bound.parameters()] == [id(p) for p in surface.parameters()]
    assert float(surface.seen) == 1
    assert surface.context is None
    assert cast(Regression, surface.inner[0]).context is None
    assert set(bound.state_dict()) == set(surface.state_dict())


def test_what_a_surface_says_of_itself_it_says_when_it_is_bound() -> None:
    class Silent(Surface):
        def forward(self, y: Tensor) -> Tensor:
            return y.sum(-1)

    assert Regression().given(contexts()).smoothing == 0.3
    assert Silent().given(contexts()).smoothing is None
    assert not Silent().given(contexts()).samples_natively


def test_without_a_context_there_is_nothing_to_bind() -> None:
    surface = Regression()
    assert surface.given(None) is surface


def test_a_surface_has_no_sampler_and_no_noise_unless_it_says_so() -> None:
    class Plain(Surface):
        def forward(self, y: Tensor) -> Tensor:
            return y.sum(-1)

    plain = Plain()
    assert not plain.samples_natively
    assert plain.smoothing is None
    with pytest.raises(NotImplementedError):
        plain.sample(1, Generator())


# --- maps ------------------------------------------------------------------------------------------------------------


class Helix(MapModel):
    """G(u) = (u1 u2, sin u1, r u2^2), with its Jacobian beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.rise = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

    def forward(self, u: Tensor) -> Tensor:
        first, second = u.unbind(-1)
        return torch.stack([first * second, first.sin(), self.rise * second**2], -1)

    def jacobian(self, u: Tensor) -> Tensor:
        """(B, 2, 3): rows by input coordinate."""
        first, second = u.unbind(-1)
        zero = torch.zeros_like(first)
        rows = [[second, first.cos(), zero], [first, zero, 2 * self.rise * second]]
        return torch.stack([torch.stack(row, -1) for row in rows], 1)


@pytest.mark.long
def test_tangents_of_a_map_are_the_closed_form() -> None:
    model, u, v = Helix(), points(), directions()
    mapped, moved = model.with_tangents(u, v)
    torch.testing.assert_close(mapped, model(u))
    torch.testing.assert_close(moved, v @ model.jacobian(u))


def test_the_jacobian_has_a_row_for_each_input() -> None:
    model, u = Helix(), points()
    mapped, jacobian = model.with_jacobian(u)
    torch.testing.assert_close(mapped, model(u))
    torch.testing.assert_close(jacobian, model.jacobian(u))


def test_a_loss_on_tangents_moves_the_parameters_as_the_closed_form_does() -> None:
    model, u = Helix(), points()
    found, expected = (
        torch.autograd.grad(jacobian.square().sum(), [model.rise])
        for jacobian in (model.with_jacobian(u)[1], model.jacobian(u))
    )
    torch.testing.assert_close(found, expected)
