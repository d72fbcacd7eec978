"""Maximum pseudo-likelihood."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from ebmbench_plugins.c2_chosen_points.flips import FlipMethod


class PseudoLikelihood(FlipMethod):
    """The likelihood of each bit given all the others.

    L = -E_data sum_i log p(y_i | rest) = E_data sum_i softplus(F(y) - F(y^i)), y^i being y with bit i flipped (Besag
    1975). Each conditional is normalized over two states, and all of them come from one energy. Shapes: y (B, d),
    neighbors (B, d, d).
    It fails where bits determine one another: a conditional sees no other mode, and the weights of separate modes are
    not compared.
    """

    def contrast(self, gap: Tensor) -> Tensor:
        """softplus(gap), the negative log probability of the bit as it is."""
        return softplus(gap)
