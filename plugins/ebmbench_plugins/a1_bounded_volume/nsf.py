"""Neural spline flow, autoregressive."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from ebmbench.api import Problem, Surface, conditioned
from ebmbench_plugins.a1_bounded_volume.flow import FlowMethod, FlowSurface, Layer


class SplineLayer(Layer):
    """z_i = spline_i(u_i; net_i(u_1 .. u_{i-1})): the first spline has parameters of its own."""

    order: Tensor

    def __init__(self, problem: Problem, bins: int, bound: float, backwards: bool) -> None:
        super().__init__()
        self.bins, self.bound = bins, bound
        outputs, order = 3 * bins - 1, torch.arange(problem.dim)
        self.register_buffer("order", order.flip(0) if backwards else order, persistent=False)
        context = problem.context
        self.first = nn.Parameter(torch.zeros(outputs))
        self.by_context = None if context is None else conditioned(0, outputs, problem.net, context)
        self.nets = nn.ModuleList(conditioned(i, outputs, problem.net, context) for i in range(1, problem.dim))

    def _splines(self, u: Tensor) -> Any:
        from zuko.transforms import DependentTransform, MonotonicRQSTransform

        first = self.first.expand(len(u), -1)
        if self.by_context is not None:
            first = first + self.by_context(u[:, :0])
        shapes = [first, *[net(u[:, : i + 1]) for i, net in enumerate(self.nets)]]
        widths, heights, slopes = torch.split(torch.stack(shapes, 1), [self.bins, self.bins, self.bins - 1], -1)
        return DependentTransform(MonotonicRQSTransform(widths, heights, slopes, bound=self.bound), 1)

    def transform(self) -> Any:
        """The splines on the axes in this layer's order."""
        from zuko.transforms import AutoregressiveTransform, ComposedTransform, PermutationTransform

        splines = AutoregressiveTransform(self._splines, passes=len(self.order))
        return ComposedTransform(PermutationTransform(self.order), splines, PermutationTransform(self.order.argsort()))


class NSF(FlowMethod):
    """F(y) = -log N(T(u)) - log|det dT/du|: monotone rational-quadratic splines (Durkan et al. 2019, eqs. 4 and 5).

    Autoregressive: the spline of a coordinate is the output of a network of those before it, and layers take the axes
    in opposite orders. The networks are the shared ones, with Fourier features; the splines are zuko's. Beyond
    ``bound`` standard deviations it is the identity. Given x all networks see it, and one makes the first spline. Z
    = 1 whatever the parameters: the volume is bounded by construction. Shapes: y (B, d), a spline 3 bins - 1
    numbers. A row costs a pass for each network: layers (d - 1).
    It fails where modes are far apart: a continuous map leaves bridges between them; and an edge finer than a bin
    has to be made by the slopes.
    """

    conditional = True

    layers: int = Field(2, ge=1, description="autoregressive layers, in alternating order of the axes")
    bins: int = Field(32, ge=2, description="bins of a spline")
    bound: float = Field(4.0, gt=0, description="where the splines end, in standard deviations")
    lr: float = Field(3e-3, gt=0, description="peak learning rate of Adam")
    batch: int = Field(512, ge=1, description="rows of data in a step")
    clip: float | None = Field(5.0, gt=0, description="largest norm of the gradient")

    def build(self, problem: Problem) -> Surface:
        """Layers in alternating order."""
        return FlowSurface(
            problem, [SplineLayer(problem, self.bins, self.bound, bool(k % 2)) for k in range(self.layers)]
        )
