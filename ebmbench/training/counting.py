"""What a training costs, counted by what it computes: the harness charges, whatever a plugin says of itself.

The unit is a *pass*: the floating-point work (matrix products and convolutions) of one row forward through the suite's
shared energy network. Steps run under a counter of all that torch dispatches, forward and backward, in windows: the
first step, the ten after it, then ten from each of 64, 256, 1024, ... on. In between each step is charged the mean of
the last window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from ebmbench.contracts.domain import Domain
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import EnergyModel

WINDOW = 10
"""Steps that a window holds: whole cycles of methods that do something else in every second or fifth step."""
FIRST_RETURN = 64
"""The step at which the second window begins; each further one begins four times later."""


def pass_flops(domain: Domain, net: NetConfig, context: Domain | None = None) -> int:
    """The floating-point operations of a pass: two for each weight of the shared energy network, which sees x too."""
    features = 0 if domain.kind == "binary" else net.features
    seen = domain.dim + (0 if context is None else context.dim)
    inputs = seen + 2 * features
    return 2 * (seen * features + inputs * net.width + net.width**2 * (net.depth - 1) + net.width)


def _attention_flops(query: Tensor, key: Tensor, value: Tensor, *rest: Any, out_val: Any = None, **more: Any) -> int:
    return int(sdpa_flop_count(query.shape, key.shape, value.shape))  # type: ignore[no-untyped-call]


aten = torch.ops.aten
FLOPS: dict[Any, Callable[..., int]] = {
    **flop_registry,
    aten.mv: lambda a, x, **more: 2 * a.numel(),
    aten.addmv: lambda bias, a, x, **more: 2 * a.numel(),
    aten.dot: lambda a, b, **more: 2 * a.numel(),
    aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
}
"""torch's own formulas, and those that it lacks."""


class WorkCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what torch computes inside.

    Attributes:
        flops: of matrix products, convolutions and attention, two for a multiplication and an addition.
        operations: calls of aten.
        elements: numbers that all of them returned.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = self.operations = self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what was asked, and count it."""
        out = func(*args, **(kwargs or {}))
        self.operations += 1
        formula = FLOPS.get(func._overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=out)
        if isinstance(out, Tensor) and not func.is_view:
            self.elements += out.numel()
        return out


@dataclass
class Costs:
    """Noise-free costs of steps."""

    passes: float = 0.0
    flops: float = 0.0
    operations: float = 0.0
    energy_rows: float = 0.0
    gradient_rows: float = 0.0

    def add(self, other: Costs, times: float = 1.0) -> None:
        """Those of other steps too."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + times * value)


class Meter:
    """Charges the steps of one training.

    Args:
        unit: floating-point operations of a pass.
        surface: what is trained; rows through the energies in it are counted.
        compiled: whether steps run compiled code, which is left aside while they are counted.
    """

    def __init__(self, unit: int, surface: nn.Module, compiled: bool = False) -> None:
        self.unit, self.surface, self.compiled = unit, surface, compiled
        self.total, self._window, self._counted = Costs(), Costs(), 0

    @contextmanager
    def step(self, index: int, rows: int, foreign: Callable[[], float]) -> Iterator[None]:
        """Charge the step that is taken inside: of so many rows, with so much work outside torch."""
        start = window_start(index)
        if start is None:
            yield
            self.total.add(self._window, 1 / self._counted)
            return
        if index in (start, 1):  # what only the first step does is charged, but never again
            self._window, self._counted = Costs(), 0
        with ExitStack() as stack:
            if self.compiled:
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            found = stack.enter_context(rows_counted(self.surface))
            counter = stack.enter_context(WorkCounter())
            yield
        found.flops, found.operations = counter.flops + foreign(), counter.operations
        found.passes = max(found.flops / self.unit, rows)
        self.total.add(found)
        self._window.add(found)
        self._counted += 1

    def state(self) -> list[float]:
        """All that is known so far."""
        return [*astuple(self.total), *astuple(self._window), self._counted]

    def restore(self, state: list[float]) -> None:
        """Go on from there."""
        size = len(astuple(self.total))
        self.total, self._window = Costs(*state[:size]), Costs(*state[size : 2 * size])
        self._counted = int(state[-1])


def window_start(index: int) -> int | None:
    """The step at which the window began that a step lies in; None between the windows."""
    if index < FIRST_RETURN:
        return 0 if index <= WINDOW else None
    start = FIRST_RETURN * 4 ** int(math.log(index / FIRST_RETURN, 4) + 1e-9)
    return start if index < start + WINDOW else None


@contextmanager
def rows_counted(surface: nn.Module) -> Iterator[Costs]:
    """Count the rows that go through the energies of a surface, whichever is asked first, and their gradients."""
    found, inside = Costs(), [False]
    models = [module for module in surface.modules() if isinstance(module, EnergyModel)]
    names = {"forward": False, "with_gradient": True, "with_curvature": True}
    for model in models:
        for name, gradient in names.items():
            counted = _counted(getattr(type(model), name), found, inside, gradient)
            object.__setattr__(model, name, MethodType(counted, model))
    try:
        yield found
    finally:
        for model in models:
            for name in names:
                object.__delattr__(model, name)


def _counted(call: Callable[..., Any], found: Costs, inside: list[bool], gradient: bool) -> Callable[..., Any]:
    def outermost(model: EnergyModel, y: Tensor, *rest: Any) -> Any:
        if inside[0]:
            return call(model, y, *rest)
        inside[0] = True
        try:
            return call(model, y, *rest)
        finally:
            inside[0] = False
            found.energy_rows += len(y)
            found.gradient_rows += len(y) if gradient else 0

    return outermost
