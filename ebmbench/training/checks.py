"""What an energy must be: asked before the first step, and again now and then."""

from __future__ import annotations

import torch
from torch import Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.surface import Surface
from ebmbench.errors import UsageError

EXPLODED = 1e6
"""An energy of data beyond this is no energy any more."""
NUDGE = 1e-2
"""By which points are moved to see whether their energies follow, in units of the data's spread."""


class Diverged(Exception):
    """Training left the finite numbers."""


def check_form(surface: Surface, batch: Batch, continuous: bool) -> None:
    """See that there is one floating-point number a row, and that its gradient in y can be had where it varies.

    An energy of steps (a histogram's) has no gradient, and needs none: it stays as it is when its points move a little.
    Nor has one of bits.

    Raises:
        UsageError: if there is not.
    """
    model, y = surface.given(batch.x), batch.y.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        energy = model(y)
        total = energy.sum() if isinstance(energy, Tensor) else None
    found = f"a {type(energy).__name__}"
    if isinstance(energy, Tensor):
        found = f"{tuple(energy.shape)} of {str(energy.dtype).removeprefix('torch.')}"
    if not isinstance(energy, Tensor) or energy.shape != (len(batch),) or not energy.is_floating_point():
        rows = len(batch)
        raise UsageError(f"forward: expected the energies ({rows},) of {rows} rows, as floats; got {found}")
    if not continuous:
        return
    if total is not None and total.requires_grad and torch.autograd.grad(total, y, allow_unused=True)[0] is not None:
        return
    with torch.no_grad():
        moved = model(batch.y + NUDGE * batch.y.std())
    if float((moved != energy).double().mean()) > 0.5:
        raise UsageError("forward: the energy varies with y, but autograd sees no gradient; is it detached?")


@torch.no_grad()
def check_energies(surface: Surface, batch: Batch) -> None:
    """See that the energies of the rows are finite, and not enormous.

    A squared distance is measured in the data's own units: rows that are spread wider may have larger energies.

    Raises:
        Diverged: if they are not.
    """
    worst = float(surface.given(batch.x)(batch.y).abs().max())
    limit = EXPLODED * max(1.0, float((batch.y - batch.y.mean(0)).square().mean()))
    if not worst <= limit:
        raise Diverged(f"the energy of a data point is {worst:g}; expected at most {limit:g}")
