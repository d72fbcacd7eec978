"""Energies and maps as modules: an author writes ``forward``, and the derivatives are there."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Self, TypeVar

import torch
from torch import Generator, Tensor, nn

M = TypeVar("M", bound=nn.Module)


class Contextual(nn.Module):
    """A part of a surface that looks at a context x beside its input; ``bound`` shows it one.

    Attributes:
        context: (B, c) what x each row of the input goes with; None where there is none, or before it is bound.
    """

    context: Tensor | None = None

    def context_of(self, rows: int) -> Tensor:
        """The context of so many rows, (rows, c): copies of a batch below one another see its contexts again and again.

        Raises:
            ValueError: if no context was bound, or the rows are no whole number of copies of its rows.
        """
        if self.context is None:
            raise ValueError("this energy takes a context x: expected surface.given(x)")
        copies, rest = divmod(rows, len(self.context))
        if rest:
            raise ValueError(f"{rows} rows are no whole number of copies of the {len(self.context)} contexts given")
        return self.context if copies == 1 else self.context.repeat(copies, 1)


def bound(module: M, x: Tensor) -> M:
    """A copy of a module whose contextual parts see ``x`` (B, c); its parameters and buffers are the module's own."""
    children = {name: child if child is None else bound(child, x) for name, child in module._modules.items()}
    kept = all(child is module._modules[name] for name, child in children.items())
    if kept and not isinstance(module, Contextual):
        return module
    copy = module.__class__.__new__(module.__class__)
    for name, value in vars(module).items():
        own = isinstance(value, MethodType) and value.__self__ is module
        copy.__dict__[name] = MethodType(value.__func__, copy) if own else value
    copy.__dict__["_modules"] = children
    if isinstance(copy, Contextual):
        copy.context = x
    return copy


class EnergyModel(nn.Module):
    """An energy F(y), with its derivatives in y.

    The derivatives are autograd's unless a model writes them out as forward operations, which needs no graph to sample
    and one backward instead of two to train. They are differentiable in the parameters where autograd is recording.
    """

    forward: Callable[..., Tensor]
    """The energy of each row: ``y`` (B, d) -> (B,). Low means compatible, probable."""

    def __call__(self, *inputs: Tensor) -> Tensor:
        """As ``forward``, with its type kept."""
        energy: Tensor = super().__call__(*inputs)
        return energy

    def with_gradient(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The energy (B,) and its gradient with respect to y (B, d)."""
        recording = torch.is_grad_enabled()
        with torch.enable_grad():
            y = y.detach().requires_grad_(True)
            energy = self(y)
            gradient = _gradient(energy, y, recording)
        return (energy, gradient) if recording else (energy.detach(), gradient)

    def with_curvature(self, y: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The energy (B,), its gradient (B, d) and v' H v (B, k), H the Hessian in y, for directions v (B, k, d)."""
        recording = torch.is_grad_enabled()
        with torch.enable_grad():
            y = y.detach().requires_grad_(True)
            energy = self(y)
            gradient = _gradient(energy, y, True)
            curved = [(v * _gradient((gradient * v).sum(-1), y, recording, keep=True)) for v in directions.unbind(1)]
            second = torch.stack(curved, 1).sum(-1)
        return (energy, gradient, second) if recording else (energy.detach(), gradient.detach(), second.detach())

    def with_laplacian(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The energy (B,), its gradient (B, d) and its Laplacian (B,): the curvature along every axis."""
        energy, gradient, second = self.with_curvature(y, unit_vectors(y))
        return energy, gradient, second.sum(-1)


def _gradient(values: Tensor, y: Tensor, create_graph: bool, keep: bool = False) -> Tensor:
    """The gradient of the rows' values (B,) with respect to y (B, d); zero where they do not depend on it."""
    if not values.requires_grad:
        return torch.zeros_like(y)
    keep = keep or create_graph
    (found,) = torch.autograd.grad(values.sum(), y, create_graph=create_graph, retain_graph=keep, allow_unused=True)
    return torch.zeros_like(y) if found is None else found


def unit_vectors(y: Tensor) -> Tensor:
    """The unit vectors (B, d, d), rows by axis, at each row of y (B, d)."""
    return torch.eye(y.shape[-1], dtype=y.dtype, device=y.device).expand(len(y), -1, -1)


def input_gradient(model: EnergyModel, y: Tensor) -> tuple[Tensor, Tensor]:
    """The energy (B,) and its gradient with respect to y (B, d), without a graph."""
    with torch.no_grad():
        return model.with_gradient(y)


class Surface(EnergyModel, Contextual):
    """What a method makes and trains: parameters for what the optimizer moves, buffers for all else that is kept.

    A stored model is these alone. The energy is a function of each row by itself: permuting or splitting a batch
    changes nothing. Where the data depend on a context, whoever uses the surface binds it first, by ``given``: the
    shared networks and noises then see it, and an author's own part finds it by ``context_of``.
    """

    def given(self, x: Tensor | None) -> Self:
        """The energy of y alone, each row with its own context ``x`` (B, c): the same parameters and buffers."""
        return self if x is None else bound(self, x)

    def in_parts(self, y: Tensor, rows: int, energy: Callable[[Self, Tensor], Tensor]) -> Tensor:
        """What ``energy`` says of this surface and so many rows of y (B, d) at a time, each with its own contexts."""
        if self.context is None or len(y) <= rows:
            return torch.cat([energy(self, part) for part in torch.split(y, rows)])
        parts = zip(torch.split(y, rows), torch.split(self.context_of(len(y)), rows), strict=True)
        return torch.cat([energy(self.given(x), part) for part, x in parts])

    def sample(self, n: int, generator: Generator) -> Tensor:
        """The method's own samples, (n, d); where there is a context one for each of its rows, again and again.

        Left out where a method has none.
        """
        raise NotImplementedError

    def guess(self, n: int, generator: Generator) -> Tensor:
        """``n`` guesses of y for each row of the context, (B, n, d): draws, or what a latent energy decodes."""
        if self.context is None:
            raise ValueError("this energy takes a context x: expected surface.given(x)")
        rows = len(self.context)
        return self.sample(n * rows, generator).view(n, rows, -1).transpose(0, 1)

    @property
    def smoothing(self) -> float | None:
        """The standard deviation, in the units of y, of the noise that a SMOOTHED energy's density is blurred by."""
        return None

    @property
    def guesses(self) -> bool:
        """Whether the method guesses y given x: by a sampler of its own, or by its codes."""
        return self.samples_natively or type(self).guess is not Surface.guess

    @property
    def samples_natively(self) -> bool:
        """Whether the method brings a sampler of its own."""
        return type(self).sample is not Surface.sample


class MapModel(nn.Module):
    """A map of points (B, d) to points (B, e), with how it changes along directions."""

    forward: Callable[..., Tensor]
    """(B, d) -> (B, e)."""

    def __call__(self, u: Tensor) -> Tensor:
        """As ``forward``, with its type kept."""
        mapped: Tensor = super().__call__(u)
        return mapped

    def with_tangents(self, u: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """G(u) (B, e) and how fast it moves (B, m, e) along directions (B, m, d), by forward differentiation."""
        pairs = [torch.func.jvp(self.forward, (u,), (v,))[:2] for v in directions.unbind(1)]
        return pairs[0][0], torch.stack([slope for _, slope in pairs], 1)

    def with_jacobian(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """G(u) (B, e) and dG/du (B, d, e), rows by input coordinate."""
        return self.with_tangents(u, unit_vectors(u))
