"""What a step costs: counted, the same from step to step, and without waiting for the device."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator
from functools import partial
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from ebmbench.conformance.bench import NET, Bench
from ebmbench.conformance.findings import Finding, line_of
from ebmbench.training.counting import FIRST_RETURN, WINDOW, Meter, pass_flops
from ebmbench.training.seeding import generator

STEADY = 1.5
"""How many times the first steps the later ones may cost."""
FEW = 10
"""Operations of a step that does its work elsewhere: one that adds up differences has more, and no products."""
READS = ("aten::_local_scalar_dense", "aten::is_nonzero", "aten::nonzero", "aten::equal")
"""Operations whose result the processor waits for."""


def charged(bench: Bench) -> Iterator[Finding]:
    """The harness sees a step's work, and it does not grow."""
    surface, stepper = bench.begun()
    meter, rng = Meter(pass_flops(bench.dataset.domain, NET), surface), generator("noise", 0)
    costs, where = list[float](), line_of(bench.method, "loss", "step")
    for step in range(FIRST_RETURN + WINDOW):
        if stepper.finished():
            break
        batch, before = bench.batch(stepper, step), meter.total.flops
        with meter.step(step, len(batch), partial(stepper.foreign_work, batch)):
            stepper.step(batch, rng, step / (FIRST_RETURN + WINDOW))
        costs.append(meter.total.flops - before)
    called = meter.total.operations / max(len(costs), 1)
    if not sum(costs) and called < FEW and not bench.spec.reference:
        cause = "it computes outside torch: say how much in foreign_work(self, surface, batch)"
        yield Finding("charged", "floating-point work in a step", "none that torch dispatched", cause, where)
    if len(costs) == FIRST_RETURN + WINDOW:
        early, late = sum(costs[1 : WINDOW + 1]), sum(costs[FIRST_RETURN:])
        if late > STEADY * early:
            seen = f"{late / early:.1f} times as much after {FIRST_RETURN} steps"
            yield Finding("charged", "steps that cost the same", seen, "something grows from step to step", where)


class Waits(TorchDispatchMode):
    """Notes where a number is read from a tensor, by lines of some files."""

    def __init__(self, files: frozenset[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.files, self.lines = files, dict[str, str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what was asked, and note it."""
        name = func._schema.name
        if name in READS:
            frames = [frame for frame in traceback.extract_stack() if frame.filename in self.files]
            if frames:
                self.lines.setdefault(f"{frames[-1].filename}:{frames[-1].lineno}", name.removeprefix("aten::"))
        return func(*args, **(kwargs or {}))


def waiting(bench: Bench) -> Iterator[Finding]:
    """No step reads a number from a tensor: on a GPU everything would stand still for it."""
    surface, stepper = bench.begun()
    if stepper.batch_rows is None:
        return  # a sweep over all rows may look at what it has done
    rng, files = generator("noise", 0), _files(type(bench.method), type(surface))
    for _ in bench.training(stepper, range(1), rng):
        pass
    with Waits(files) as waits:
        for _ in bench.training(stepper, range(1, 3), rng):
            pass
    for place in waits.lines:
        cause = "`.item()`, `float(tensor)`, `if tensor:` or indexing by a mask; keep it a tensor (torch.where)"
        yield Finding(
            "waiting", "steps that never wait for the device", "a number that is read", cause, place, advice=True
        )


def _files(*classes: type) -> frozenset[str]:
    """The source files of classes and of what they derive from, but for the harness's and torch's."""
    every = {
        cls
        for one in classes
        for cls in one.__mro__
        if not cls.__module__.startswith(("ebmbench.", "torch", "pydantic"))
    }
    found = set()
    for cls in every - {object}:
        try:
            found.add(inspect.getsourcefile(cls) or "")
        except TypeError:
            continue
    return frozenset(found)
