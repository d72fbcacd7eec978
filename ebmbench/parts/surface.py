"""The energy surface: a module whose ``forward(y, x=None) -> (B,)`` is the energy. All state lives in it."""

from __future__ import annotations

from torch import Generator, Tensor, nn

from ebmbench.parts.nets import EnergyNet


class Surface(nn.Module):
    """Parameters for what the optimizer moves, buffers for all else that must be kept: a stored model is these alone.

    The energy is a function of each row by itself: permuting or splitting a batch changes nothing.
    """

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """The energy of each row: ``y`` (B, d) -> (B,). Low means compatible, probable."""
        raise NotImplementedError

    def sample(self, n: int, generator: Generator, x: Tensor | None = None) -> Tensor:
        """The method's own samples, (n, d). Left out where a method has none."""
        raise NotImplementedError

    @property
    def smoothing(self) -> float | None:
        """The standard deviation, in the units of y, of the noise that a SMOOTHED energy's density is blurred by."""
        return None

    def __call__(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """As ``forward``, with its type kept."""
        energy: Tensor = super().__call__(y, x)
        return energy

    @property
    def samples_natively(self) -> bool:
        """Whether the method brings a sampler of its own."""
        return type(self).sample is not Surface.sample


class NetSurface(Surface):
    """An energy net and nothing else."""

    def __init__(self, net: EnergyNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        """(B, d) -> (B,)."""
        energy: Tensor = self.net(y)
        return energy
