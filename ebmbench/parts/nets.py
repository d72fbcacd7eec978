"""The networks that every method shares, so that only the strategy differs.

Plain networks cannot fit sharp densities on the plane. These standardize y to u = (y - mean) / std and see, beside u,
the sine and cosine of fixed random projections at several scales (random Fourier features: Rahimi & Recht 2007;
Tancik et al. 2020). Hidden layers are SiLU: smooth, so that second derivatives exist.

The derivatives with respect to the input are written out as forward operations: a sampler needs no graph, and a loss
on the gradient needs one backward instead of two.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ebmbench.contracts.problem import Context, Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import Contextual, EnergyModel, MapModel

BASE_VARIANCE = 4.0
"""Variance, in units of the data's, of the Gaussian base measure that keeps exp(-F) integrable."""


class FourierNet(MapModel):
    """Random Fourier features of u (B, d), then SiLU layers, then ``outputs`` linear units."""

    frequencies: Tensor

    def __init__(self, dim: int, outputs: int, config: NetConfig) -> None:
        super().__init__()
        each = config.features // len(config.scales)
        self.register_buffer("frequencies", torch.cat([scale * torch.randn(dim, each) for scale in config.scales], 1))
        widths = [dim + 2 * config.features, *[config.width] * config.depth]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.last = nn.Linear(widths[-1], outputs)

    def features(self, u: Tensor) -> Tensor:
        """[u, sin(u B), cos(u B)]."""
        phase = u @ self.frequencies
        return torch.cat([u, phase.sin(), phase.cos()], -1)

    def forward(self, u: Tensor) -> Tensor:
        """(B, d) -> (B, outputs)."""
        h = self.features(u)
        for layer in self.hidden:
            h = functional.silu(layer(h))
        return cast(Tensor, self.last(h))

    def with_adjoint(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """The single output (B,) and its gradient with respect to u (B, d), as forward operations."""
        phase = u @ self.frequencies
        sin, cos = phase.sin(), phase.cos()
        h, slopes = torch.cat([u, sin, cos], -1), []
        for layer in self.hidden:
            h, slope = _silu_with_slope(layer(h))
            slopes.append(slope)
        value = self.last(h).squeeze(-1)
        adjoint: Tensor = self.last.weight
        for layer, slope in zip(reversed(self.hidden), reversed(slopes), strict=True):
            adjoint = (adjoint * slope) @ cast(nn.Linear, layer).weight
        direct, of_sin, of_cos = torch.split(adjoint, [u.shape[-1], *[self.frequencies.shape[1]] * 2], -1)
        return value, direct + (of_sin * cos - of_cos * sin) @ self.frequencies.T

    def with_tangents(self, u: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs (B, k) and how fast they change (B, m, k) along directions (B, m, d), as forward operations."""
        phase, turn = u @ self.frequencies, directions @ self.frequencies
        sin, cos = phase.sin(), phase.cos()
        h = torch.cat([u, sin, cos], -1)
        tangent = torch.cat([directions, cos[:, None] * turn, -sin[:, None] * turn], -1)
        for layer in self.hidden:
            linear = cast(nn.Linear, layer)
            h, slope = _silu_with_slope(linear(h))
            tangent = functional.linear(tangent, linear.weight) * slope[:, None]
        return self.last(h), functional.linear(tangent, self.last.weight)

    def with_curvature(self, u: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The single output f (B,), its gradient (B, d), and v' H v (B, k) for directions v (B, k, d).

        Only tangents go forward, one for each v: a layer h = phi(a) adds df/dh phi''(a) (da/dv)^2 to v' H v.
        """
        phase, turn = u @ self.frequencies, directions @ self.frequencies
        sin, cos = phase.sin(), phase.cos()
        h = torch.cat([u, sin, cos], -1)
        tangent = torch.cat([directions, cos[:, None] * turn, -sin[:, None] * turn], -1)
        slopes, bends = [], []
        for layer in self.hidden:
            linear = cast(nn.Linear, layer)
            pushed = functional.linear(tangent, linear.weight)
            h, slope, bend = _silu_with_bend(linear(h))
            tangent = pushed * slope[:, None]
            slopes.append(slope)
            bends.append(bend[:, None] * pushed.square())
        value = self.last(h).squeeze(-1)
        adjoint: Tensor = self.last.weight.expand(len(u), -1)
        second = torch.zeros_like(directions[..., 0])
        for layer, slope, bend in zip(reversed(self.hidden), reversed(slopes), reversed(bends), strict=True):
            second = second + (bend @ adjoint[..., None]).squeeze(-1)
            adjoint = (adjoint * slope) @ cast(nn.Linear, layer).weight
        direct, of_sin, of_cos = torch.split(adjoint, [u.shape[-1], *[self.frequencies.shape[1]] * 2], -1)
        second = second - (turn.square() @ (of_sin * sin + of_cos * cos)[..., None]).squeeze(-1)
        return value, direct + (of_sin * cos - of_cos * sin) @ self.frequencies.T, second


class Conditioned(MapModel, Contextual):
    """A network of (u, v), v = (x - mean) / std the context of each row: derivatives are those in u alone."""

    mean: Tensor
    std: Tensor

    def __init__(self, net: FourierNet, context: Context) -> None:
        super().__init__()
        self.register_buffer("mean", context.mean.clone())
        self.register_buffer("std", context.std.clone())
        self.net = net

    def _seen(self, u: Tensor) -> Tensor:
        return torch.cat([u, (self.context_of(len(u)) - self.mean) / self.std], -1)

    def _along(self, directions: Tensor) -> Tensor:
        return functional.pad(directions, (0, len(self.mean)))

    def forward(self, u: Tensor) -> Tensor:
        """(B, d) -> (B, outputs)."""
        return self.net(self._seen(u))

    def with_adjoint(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """The single output (B,) and its gradient with respect to u (B, d), as forward operations."""
        value, gradient = self.net.with_adjoint(self._seen(u))
        return value, gradient[:, : u.shape[-1]]

    def with_tangents(self, u: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs (B, k) and how fast they change (B, m, k) along directions (B, m, d), as forward operations."""
        return self.net.with_tangents(self._seen(u), self._along(directions))

    def with_curvature(self, u: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The single output f (B,), its gradient (B, d), and v' H v (B, k) for directions v (B, k, d)."""
        value, gradient, second = self.net.with_curvature(self._seen(u), self._along(directions))
        return value, gradient[:, : u.shape[-1]], second


def conditioned(
    inputs: int, outputs: int, config: NetConfig, context: Context | None = None
) -> FourierNet | Conditioned:
    """The shared layers from ``inputs`` coordinates to ``outputs``; they see the context too, where there is one."""
    if context is None:
        return FourierNet(inputs, outputs, config)
    return Conditioned(FourierNet(inputs + context.dim, outputs, config), context)


def _silu_with_slope(a: Tensor) -> tuple[Tensor, Tensor]:
    sigmoid = torch.sigmoid(a)
    h = a * sigmoid
    return h, sigmoid + h * (1 - sigmoid)


def _silu_with_bend(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """SiLU and its first two derivatives."""
    sigmoid = torch.sigmoid(a)
    h = a * sigmoid
    fall = 1 - sigmoid
    return h, sigmoid + h * fall, sigmoid * fall * (2 + a - 2 * h)


class EnergyNet(EnergyModel):
    """F(y) = net(u) + |u|^2 / (2 * 4), u = (y - mean) / std: a free-form energy on a Gaussian base measure."""

    mean: Tensor
    std: Tensor
    precision = 1 / BASE_VARIANCE

    def __init__(self, mean: Tensor, std: Tensor, config: NetConfig, context: Context | None = None) -> None:
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())
        self.net = conditioned(len(mean), 1, config, context)

    def forward(self, y: Tensor) -> Tensor:
        """The energy, (B, d) -> (B,)."""
        u = (y - self.mean) / self.std
        return self.net(u).squeeze(-1) + self.precision * u.square().sum(-1) / 2

    def with_gradient(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The energy (B,) and its gradient with respect to y (B, d), differentiable in the parameters."""
        u = (y - self.mean) / self.std
        value, gradient = self.net.with_adjoint(u)
        return value + self.precision * u.square().sum(-1) / 2, (gradient + self.precision * u) / self.std

    def with_curvature(self, y: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The energy (B,), its gradient (B, d) and v' H v (B, k), H the Hessian in y, for directions v (B, k, d).

        Differentiable in the parameters; each direction costs one forward beside the three of energy and gradient.
        """
        u, along = (y - self.mean) / self.std, directions / self.std
        value, gradient, second = self.net.with_curvature(u, along)
        energy = value + self.precision * u.square().sum(-1) / 2
        second = second + self.precision * along.square().sum(-1)
        return energy, (gradient + self.precision * u) / self.std, second


class BinaryNet(EnergyNet):
    """F(y) = net(2 y - 1) on bits: the same layers without Fourier features, and no base measure, as Z is finite."""

    precision = 0.0

    def __init__(self, dim: int, config: NetConfig, context: Context | None = None) -> None:
        half = torch.full((dim,), 0.5)
        super().__init__(half, half, without_features(config), context)


def without_features(config: NetConfig) -> NetConfig:
    """The same width and depth on the bare input: on bits there is nothing between two values to resolve."""
    return config.model_copy(update={"features": 0})


class MapNet(MapModel):
    """A residual map of standardized coordinates, G(u) = u + net(u): what auto-encoders are made of here."""

    def __init__(self, dim: int, config: NetConfig, context: Context | None = None) -> None:
        super().__init__()
        self.net = conditioned(dim, dim, config, context)

    def forward(self, u: Tensor) -> Tensor:
        """G(u), (B, d) -> (B, d)."""
        return u + self.net(u)

    def with_tangents(self, u: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """G(u) (B, d) and how fast it moves (B, m, d) along directions (B, m, d)."""
        step, slope = self.net.with_tangents(u, directions)
        return u + step, slope + directions


def energy_net(problem: Problem) -> EnergyNet:
    """The shared energy network; on bits without Fourier features."""
    if problem.domain.kind == "binary":
        return BinaryNet(problem.dim, problem.net, problem.context)
    return EnergyNet(problem.mean, problem.std, problem.net, problem.context)


def map_net(problem: Problem) -> MapNet:
    """The shared network from standardized y to as many outputs."""
    return MapNet(problem.dim, problem.net, problem.context)
