"""Methods that minimize a loss: the optimizer, its schedule, clipping and the moving average, once for all."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.method import Logs, Method, Stepper, TrainingState
from ebmbench.contracts.surface import EnergyModel, MapModel, Surface
from ebmbench.errors import UsageError

ParamGroups = list[dict[str, Any]]
"""What torch's optimizers take: ``[{"params": [...], "lr_scale": 10.0}, ...]``."""


class GradientMethod(Method):
    """A method with a loss. Adam; a linear warm-up, then a cosine to zero over the budget; an average that is read out.

    An author writes ``build`` and ``loss``. The loss is a 0-d tensor, or ``{part: tensor}``: each term then moves only
    the submodule of that name (two networks that play against each other).
    """

    lr: float = Field(2e-3, gt=0, description="peak learning rate of Adam")
    batch: int = Field(256, ge=1, description="rows of data in a step")
    warmup: int = Field(50, ge=0, description="steps until the learning rate is at its peak")
    clip: float | None = Field(None, gt=0, description="largest norm of the gradient")
    ema: float = Field(0.995, ge=0, lt=1, description="decay of the moving average of the parameters")

    def loss(self, surface: Any, batch: Batch, rng: Generator) -> Tensor | Mapping[str, Tensor]:
        """The loss of a batch (no ``.item()`` inside: nothing here may wait for the device).

        Where there is a context, ``surface`` is already given that of the batch: ``surface(y)`` is F(y, x) for the
        rows of the batch, and for any number of copies of it below one another.
        """
        raise NotImplementedError

    def param_groups(self, surface: Any) -> ParamGroups:
        """What the optimizer moves; a group's ``lr_scale`` multiplies the learning rate."""
        return [{"params": [p for p in surface.parameters() if p.requires_grad]}]

    def after_step(self, surface: Any) -> None:
        """What is to be done after each update, such as a projection."""

    def finalize(self, surface: Any) -> None:
        """What the averaged surface lacks before it is read out, such as its own normalizer; off the clock."""

    def stepper(self, surface: Surface, compiled: bool = False) -> GradientStepper:
        """The optimizer around the surface."""
        return GradientStepper(self, surface, compiled)


class GradientStepper(Stepper):
    """The state that training needs beside the surface: optimizer moments and the averaged model."""

    method: GradientMethod

    def __init__(self, method: GradientMethod, surface: Surface, compiled: bool = False) -> None:
        super().__init__(method, surface)
        self.taken = 0
        groups = method.param_groups(surface)
        self.scales = [float(group.pop("lr_scale", 1.0)) for group in groups]
        self.parameters: list[Tensor] = [p for group in groups for p in group["params"]]
        self.optimizer = torch.optim.Adam(groups, lr=method.lr, fused=self._can_fuse())
        self.ema_model = copy.deepcopy(surface).requires_grad_(False)
        if compiled:
            for module in _innermost_models(surface):
                module.compile()

    def _can_fuse(self) -> bool:
        return all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in self.parameters)

    def warm_up(self, batch: Batch, rng: Generator) -> None:
        """Go through the loss twice and leave everything as it was: whatever compiles does so now."""
        state = copy.deepcopy(self.surface.state_dict())
        for _ in range(2):
            self._backward(self.method.loss(self.surface.given(batch.x), batch, rng))
        self.surface.load_state_dict(state)
        self.optimizer.zero_grad(set_to_none=True)

    def learning_rate(self, fraction: float) -> float:
        """The rate of the next step when ``fraction`` of the budget is spent."""
        rise = min(1.0, (self.taken + 1) / self.method.warmup) if self.method.warmup else 1.0
        return self.method.lr * rise * 0.5 * (1 + math.cos(math.pi * min(1.0, fraction)))

    def step(self, batch: Batch, rng: Generator, fraction: float) -> Logs:
        """One update of the surface and of its average."""
        rate = self.learning_rate(fraction)
        for group, scale in zip(self.optimizer.param_groups, self.scales, strict=True):
            group["lr"] = rate * scale
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.method.loss(self.surface.given(batch.x), batch, rng)
        total = self._backward(loss)
        if self.method.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.method.clip)
        self.optimizer.step()
        self.method.after_step(self.surface)
        self._average()
        self.taken += 1
        return {"loss": total}

    def _backward(self, loss: Tensor | Mapping[str, Tensor]) -> Tensor:
        if isinstance(loss, Tensor):
            if not loss.requires_grad:
                raise UsageError(
                    "loss: it depends on no parameter of the surface, so that nothing can be learned from it"
                )
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach()
        for part, term in loss.items():
            moved = [p for p in self.surface.get_submodule(part).parameters() if p.requires_grad]
            for parameter, gradient in zip(
                moved, torch.autograd.grad(term, moved, retain_graph=True, allow_unused=True), strict=True
            ):
                parameter.grad = gradient
        return torch.stack([term.detach() for term in loss.values()]).sum()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.method.ema, (self.taken + 1) / (self.taken + 10))
        torch._foreach_lerp_(list(self.ema_model.parameters()), list(self.surface.parameters()), 1 - decay)

    @torch.no_grad()
    def eval_surface(self) -> Surface:
        """The averaged parameters with the surface's own buffers."""
        for mine, theirs in zip(self.ema_model.buffers(), self.surface.buffers(), strict=True):
            mine.copy_(theirs)
        self.method.finalize(self.ema_model)
        return self.ema_model

    def state(self) -> TrainingState:
        """The surface, its average, the optimizer's moments, and how many steps were taken."""
        return {
            "surface": self.surface.state_dict(),
            "ema_model": self.ema_model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "taken": self.taken,
        }

    def restore(self, state: TrainingState) -> None:
        """Go on from there."""
        self.surface.load_state_dict(state["surface"])
        self.ema_model.load_state_dict(state["ema_model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.taken = state["taken"]


def _innermost_models(surface: Surface) -> list[nn.Module]:
    """The energies and maps in a surface that are made of no others: where the work is."""
    models = [m for m in surface.modules() if isinstance(m, EnergyModel | MapModel) and m is not surface]
    return [model for model in models if not any(other in models for other in model.modules() if other is not model)]
