"""RealNVP: affine couplings."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from ebmbench.api import Problem, Surface, coarse_net
from ebmbench_plugins.a1_bounded_volume.flow import FlowMethod, FlowSurface, Layer


class Coupling(Layer):
    """z_b = u_b exp(a(u_a)) + t(u_a), z_a = u_a: half of the coordinates moves the other."""

    kept: Tensor

    def __init__(self, problem: Problem, odd: bool) -> None:
        super().__init__()
        kept = torch.arange(problem.dim) % 2 == int(odd)
        self.register_buffer("kept", kept, persistent=False)
        self.moved = problem.dim - int(kept.sum())
        self.net = coarse_net(int(kept.sum()), 2 * self.moved, problem.net)

    def _affine(self, u: Tensor) -> Any:
        from zuko.transforms import DependentTransform, MonotonicAffineTransform

        shift, scale = torch.split(self.net(u), self.moved, -1)
        return DependentTransform(MonotonicAffineTransform(shift, scale), 1)

    def transform(self) -> Any:
        """The coupling."""
        from zuko.transforms import CouplingTransform

        return CouplingTransform(self._affine, self.kept)


class RealNVP(FlowMethod):
    """F(y) = -log N(T(u)) - log|det dT/du| with T of affine couplings (Dinh, Sohl-Dickstein & Bengio 2017, eq. 6).

    Each coupling scales and shifts half of the coordinates by a network of the other half: the shared one with its two
    lowest scales of Fourier features, as with the high ones the map folds. The couplings are zuko's. Z = 1 whatever
    the parameters: the volume is bounded by construction. Shapes: y (B, d). A row costs a pass for each coupling.
    It fails where modes are apart: within a coupling a slice stays one affine image of a slice, so that several modes
    are torn from one only by many couplings, and bridges are left between them.
    """

    couplings: int = Field(8, ge=2, description="affine couplings, in alternation")
    clip: float | None = Field(5.0, gt=0, description="largest norm of the gradient")

    def supports(self, problem: Problem) -> str | None:
        """There must be two halves."""
        return "one coordinate has no others to be moved by" if problem.dim < 2 else None

    def build(self, problem: Problem) -> Surface:
        """Couplings in alternation."""
        return FlowSurface(problem, [Coupling(problem, bool(k % 2)) for k in range(self.couplings)])
