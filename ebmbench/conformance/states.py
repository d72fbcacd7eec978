"""Everything that training changes lives in the surface: what lies elsewhere is lost with the process."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ebmbench.conformance.bench import STEPS, Bench
from ebmbench.conformance.energies import ALIKE
from ebmbench.conformance.findings import Finding, line_of
from ebmbench.conformance.training import like
from ebmbench.contracts.method import Stepper
from ebmbench.contracts.surface import Surface
from ebmbench.training.seeding import generator

TORCHS_OWN = frozenset(vars(nn.Module())) | {"forward", "with_gradient", "with_curvature"}
"""What every module has."""


def attributes(bench: Bench) -> Iterator[Finding]:
    """No Python attribute of the surface, of the method or of their modules changes; no net hides in a list."""
    surface, stepper = bench.begun()
    hidden = [place for place, value in _held(surface) if _hides(value)]
    if hidden:
        cause = "a list, dict or lambda is not searched for parameters: use nn.ModuleList, nn.ParameterDict, a buffer"
        seen = f"{hidden[0]}, which holds a net, a parameter or a trained tensor of its own"
        yield Finding("attributes", "parts of a surface to be registered", seen, cause, line_of(surface, "__init__"))
        return
    # what is made at the first use, and then kept, is no state
    for _ in bench.training(stepper, range(1), generator("noise", 0)):
        pass
    before = _numbers(bench, surface)
    for _ in bench.training(stepper, range(1, STEPS), generator("noise", 0)):
        pass
    after = _numbers(bench, surface)
    for place in [place for place, value in after.items() if place not in before or before[place] != value][:3]:
        cause = "a model is stored as its state dict: make it a buffer of the surface (register_buffer)"
        where = line_of(bench.method, "loss", "step")
        yield Finding("attributes", "training to change the surface's state alone", f"{place} change", cause, where)


def _held(surface: nn.Module) -> Iterator[tuple[str, Any]]:
    """The Python attributes of all modules of a surface, by a name that people know."""
    for path, module in surface.named_modules():
        name = ".".join(filter(None, ["surface", path]))
        yield from ((f"{name}.{key}", value) for key, value in vars(module).items() if key not in TORCHS_OWN)


def _hides(value: Any) -> bool:
    """Whether parameters or modules are in it, which torch does not look for there."""
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple | set) else ()
    return any(isinstance(part, nn.Module | nn.Parameter) for part in parts)


def _numbers(bench: Bench, surface: Surface) -> dict[str, object]:
    """What holds numbers beside the state: attributes, the method's own, the globals and classes of its module."""
    found = {place: _told(value) for place, value in _held(surface)}
    method = bench.method
    found |= {
        f"self.{name}": _told(value) for name, value in {**vars(method), **(method.__pydantic_private__ or {})}.items()
    }
    module = sys.modules[type(method).__module__]
    stem = Path(module.__file__ or module.__name__).stem
    for name, value in vars(module).items():
        if name.startswith("__") or getattr(value, "__module__", module.__name__) != module.__name__:
            continue
        if isinstance(value, type):
            members = {key: member for key, member in vars(value).items() if not key.startswith(("_", "model_"))}
            found |= {f"{name}.{key}": _told(member) for key, member in members.items()}
        else:
            found[f"{stem}.{name}"] = _told(value)
    return {place: told for place, told in found.items() if told is not None}


def _told(value: Any, depth: int = 3) -> object:
    """Its numbers, so that two can be compared; None where it has none."""
    if isinstance(value, Tensor):
        return (tuple(value.shape), value.detach().cpu().numpy().tobytes())
    if isinstance(value, np.ndarray):
        return (value.shape, value.tobytes())
    if isinstance(value, bool | int | float | complex | str):
        return repr(value)
    if isinstance(value, torch.Generator):
        return value.get_state().numpy().tobytes()
    if depth and isinstance(value, Mapping):
        return tuple((str(key), _told(part, depth - 1)) for key, part in value.items())
    if depth and isinstance(value, list | tuple):
        return tuple(_told(part, depth - 1) for part in value)
    return None


def blank(bench: Bench) -> Iterator[Finding]:
    """A stored model is rebuilt from shapes and its state dict, without data and without unpickling."""
    surface, file, y = bench.short, io.BytesIO(), bench.rows(50, "blank")
    torch.save(surface.state_dict(), file)
    file.seek(0)
    again = bench.blank()
    again.load_state_dict(torch.load(file, weights_only=True))
    with torch.no_grad():
        wanted, found = surface(y).double(), again(y).double()
    if not torch.allclose(wanted, found, rtol=ALIKE, atol=ALIKE):
        worst = float((found - wanted).abs().max())
        seen = f"energies that differ by up to {worst:.3g}"
        cause = "build keeps something of the data (problem.mean, problem.cov) that is no buffer and no parameter"
        yield Finding("blank", "the same energies from a rebuilt model", seen, cause, line_of(bench.method, "build"))


def resumed(bench: Bench) -> Iterator[Finding]:
    """A training that is cut and goes on with fresh objects comes to the same numbers."""
    cut = STEPS // 2
    _, whole = bench.begun()
    rng = generator("noise", 0)
    steps = list(bench.training(whole, range(STEPS), rng))
    if len(steps) < STEPS:
        return
    _, first = bench.begun()
    rng = generator("noise", 0)
    for _ in _until(bench, first, 0, cut, rng):
        pass
    _, second = bench.begun(seed=1)
    second.restore(first.state())
    for _ in _until(bench, second, cut, STEPS, rng):
        pass
    if not like(second.eval_surface(), whole.eval_surface()):
        cause = "something that steps change is not in the surface: an attribute, a global, a counter"
        where = line_of(bench.method, "loss", "step")
        yield Finding("resumed", "the same surface after a cut", "another", cause, where)


def _until(bench: Bench, stepper: Stepper, start: int, stop: int, rng: torch.Generator) -> Iterator[None]:
    for step in range(start, stop):
        stepper.step(bench.batch(stepper, step), rng, step / STEPS)
        yield
