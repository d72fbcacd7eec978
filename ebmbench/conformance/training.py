"""What steps must do and must leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ebmbench.conformance.bench import STEPS, Bench
from ebmbench.conformance.findings import Finding, line_of
from ebmbench.conformance.surroundings import NUMBERS, SETTINGS
from ebmbench.contracts.method import Method
from ebmbench.contracts.surface import Surface
from ebmbench.parts.gradient import GradientMethod
from ebmbench.training.seeding import generator, initialization, seed_of


def body(bench: Bench) -> Iterator[Finding]:
    """A class has ``build``, and ``loss`` or ``step``."""
    cls: type[Any] = type(bench.method)
    if cls.build is Method.build:
        yield Finding("body", "a method `build(self, problem)`", "none", "", line_of(cls))
    if isinstance(bench.method, GradientMethod):
        if cls.loss is GradientMethod.loss and cls.step is Method.step and cls.stepper is GradientMethod.stepper:
            yield Finding("body", "a method `loss(self, surface, batch, rng)`", "none", "", line_of(cls))
    elif cls.step is Method.step and cls.stepper is Method.stepper and not bench.spec.reference:
        cause = "a method with a loss derives from GradientMethod"
        yield Finding("body", "a method `step(self, surface, batch, rng)`", "none", cause, line_of(cls))


def loss(bench: Bench) -> Iterator[Finding]:
    """A 0-d tensor, or one a part, that depends on the parameters."""
    if not isinstance(bench.method, GradientMethod) or type(bench.method).loss is GradientMethod.loss:
        return
    surface, stepper = bench.begun()
    found = bench.method.loss(surface, bench.batch(stepper, 0), generator("loss"))
    for part, term in found.items() if isinstance(found, dict) else [("", found)]:
        where = line_of(bench.method, "loss")
        named = f"the loss of {part}" if part else "the loss"
        if not isinstance(term, Tensor) or term.ndim:
            seen = f"a tensor of shape {tuple(term.shape)}" if isinstance(term, Tensor) else f"a {type(term).__name__}"
            cause = (
                "a mean over the rows is left out"
                if isinstance(term, Tensor)
                else ".item() or float(): leave it a tensor"
            )
            yield Finding("loss", f"{named} as a 0-d tensor", seen, cause, where)
        elif not term.requires_grad:
            cause = "something is detached, or computed under no_grad"
            yield Finding("loss", f"{named} to depend on parameters", "a constant", cause, where)
        elif not bool(torch.isfinite(term)):
            yield Finding("loss", f"{named} to be finite", str(float(term.detach())), "", where)


def learning(bench: Bench) -> Iterator[Finding]:
    """Steps change the surface, and every parameter of it that wants a gradient."""
    surface, stepper = bench.begun()
    before = {name: value.clone() for name, value in surface.state_dict().items()}
    for _ in bench.training(stepper, range(STEPS), generator("noise", 0)):
        pass
    still = [name for name, value in surface.state_dict().items() if torch.equal(value, before[name])]
    where = line_of(bench.method, "loss", "step")
    if len(still) == len(before) and not bench.spec.reference:
        yield Finding("learning", "steps to change the surface", f"no change in {STEPS} steps", "", where)
    elif isinstance(bench.method, GradientMethod):
        y = bench.rows(20, "learning")
        named = [(name, p) for name, p in surface.named_parameters() if p.requires_grad and p.grad is None]
        wanting = [name for name, parameter in named if not _is_constant(surface, parameter, y)]
        if wanting:
            cause = "it is not used in the loss, or param_groups leaves it out; what is not trained is a buffer"
            yield Finding(
                "learning", "a gradient of every parameter", f"none of {', '.join(wanting[:3])}", cause, where
            )


@torch.no_grad()
def _is_constant(surface: Surface, parameter: Tensor, y: Tensor) -> bool:
    """Whether a parameter moves all energies alike, so that an objective of their differences does not see it."""
    before, kept = surface(y), parameter.clone()
    parameter += 0.1
    moved = surface(y) - before
    parameter.copy_(kept)
    return bool(moved.abs().min() > 0) and float(moved.std()) < 1e-3 * float(moved.abs().mean())


def seeds(bench: Bench) -> Iterator[Finding]:
    """The same seed gives the same surface."""
    one, two = bench.trained().state_dict(), bench.trained().state_dict()
    wrong = [name for name, value in one.items() if not torch.equal(value, two[name])]
    if wrong:
        cause = "numbers that are not drawn from `rng`, or something kept from the first training"
        where = line_of(bench.method, "loss", "step")
        yield Finding("seeds", "the same surface from the same seed", f"another {wrong[0]}", cause, where)


def process(bench: Bench) -> Iterator[Finding]:
    """What is everybody's stays as it was: settings of the process, global generators."""
    before = {name: get() for name, get in SETTINGS.items()}
    with initialization(3):
        bench.method.build(bench.problem())
        seeded = torch.initial_seed()
    if seeded != seed_of("init", 3):
        cause = "torch.manual_seed in build makes the same surface of every seed; torch is seeded already"
        where = line_of(bench.method, "build")
        yield Finding("process", "the global generator to be left to the harness", "a new seed", cause, where)
    torch.rand(7)  # so that what seeds it does not find it as it left it
    _, stepper = bench.begun()
    numbers = {name: get() for name, get in NUMBERS.items()}
    for _ in bench.training(stepper, range(3), generator("noise", 0)):
        pass
    with torch.no_grad():
        stepper.eval_surface()(bench.rows(5, "process"))
    drawn = [name for name, get in NUMBERS.items() if get() != numbers[name]]
    changed = [name for name, get in SETTINGS.items() if get() != before[name]]
    where = line_of(bench.method, "loss", "step")
    for name in drawn:
        cause, seen = "draw from `rng`: torch.randn(..., generator=rng); and seed nothing", "they were drawn or seeded"
        yield Finding("process", f"{name} global numbers to stay as they are", seen, cause, where)
    for name in changed:
        yield Finding("process", f"{name} to stay as it is", "another", "it belongs to the whole process", where)


def data(bench: Bench) -> Iterator[Finding]:
    """The batch is as it was, after a step and after an energy."""
    if bench.spec.reference:
        return
    surface, stepper = bench.begun()
    batch = bench.batch(stepper, 0)
    kept, y = batch.y.clone(), bench.rows(20, "data")
    points = y.clone()
    stepper.step(batch, generator("noise", 0), 0.0)
    with torch.no_grad():
        stepper.eval_surface()(y)
    where = line_of(bench.method, "loss", "step")
    if not torch.equal(batch.y, kept):
        yield Finding(
            "data", "a step to leave its batch alone", "other rows", "an operation in place (y += ...)", where
        )
    if not torch.equal(y, points):
        place = line_of(surface, "forward")
        yield Finding("data", "an energy to leave its points alone", "other rows", "an operation in place", place)


def precision(bench: Bench) -> Iterator[Finding]:
    """In double precision too, where a profile asks for it."""
    surface = bench.trained(2, dtype=torch.float64)
    wrong = [n for n, v in surface.state_dict().items() if v.is_floating_point() and v.dtype != torch.float64]
    with torch.no_grad():
        energy = surface(bench.rows(5, "precision", dtype=torch.float64))
    where = line_of(surface, "forward")
    if wrong or energy.dtype != torch.float64:
        seen = f"{wrong[0]} in another" if wrong else f"energies of {energy.dtype}"
        cause = "a tensor that is made in single precision, wherever its data are"
        yield Finding("precision", "double precision where the data have it", seen, cause, where)


def like(surface: Surface, other: Surface) -> bool:
    """Whether two surfaces have the same state to the last bit."""
    mine, theirs = surface.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(value, theirs[name]) for name, value in mine.items())
