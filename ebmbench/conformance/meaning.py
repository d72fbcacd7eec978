"""What the energy means, against what the record says: on normal data, of which all is known."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ebmbench.conformance.bench import NET, Bench
from ebmbench.conformance.findings import Finding, line_of
from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.records import EnergyKind
from ebmbench.errors import NotApplicable
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.metrics.surface import sampled_ranking_area
from ebmbench.suite.schema import Budget, DataRegime
from ebmbench.training.clocks import Clock
from ebmbench.training.counting import Meter, pass_flops
from ebmbench.training.loop import Progress, train
from ebmbench.training.seeding import generator
from ebmbench.training.stream import Stream
from ebmbench.truth.knowledge import truth_of

GRADIENT_STEPS, SWEEPS = 400, 50
"""Steps of a training from batches, and of one that sees all rows at each step."""
CELLS = 120
SCALE = (0.5, 2.0)
"""Between which the best inverse temperature of a density lies, as far as so short a training goes."""
CONSTANT = 0.5
"""By how much log Z of a normalized energy may be off, in nats."""


def judged(bench: Bench) -> Evaluation:
    """The surface after a few hundred steps on normal data, held against them."""
    surface, stepper = bench.begun()
    progress = Progress(Meter(pass_flops(bench.dataset.domain, NET), surface))
    stream = Stream(bench.dataset, DataRegime(set=2000), 0, torch.zeros(()))
    budget = Budget(steps=GRADIENT_STEPS if stepper.batch_rows else SWEEPS)
    clock = Clock(torch.device("cpu"))
    train(stepper, stream, budget, generator("noise", 0), clock, progress, (), lambda reached, at: None)
    validation, test = (Batch(bench.rows(2000, name, dtype=torch.float64)) for name in ("validation", "test"))
    truth = truth_of(bench.dataset, CELLS)
    kind = EnergyKind(bench.spec.kind)
    return Evaluation(stepper.eval_surface(), truth, kind, validation, test, 0, torch.zeros(()), thorough=False)


def meaning(bench: Bench) -> Iterator[Finding]:
    """Data have less energy than other places; of a density, temperature and constant are right."""
    found, kind, where = judged(bench), EnergyKind(bench.spec.kind), line_of(bench.method, "loss", "step")
    volumes = found.truth.log_weight[found.truth.inside]
    order = sampled_ranking_area(found.energy_test, found.energy_inside, volumes)
    if order < 0.5 and not bench.spec.reference:
        seen = f"more energy at data than elsewhere in {1 - order:.0%} of pairs"
        yield Finding("sign", "low energy at data", seen, "the sign of the energy or of the loss", where)
        return
    if kind is EnergyKind.SMOOTHED and found.surface.smoothing is None:
        cause = "the surface has a property `smoothing`: the deviation of its noise, in units of y"
        yield Finding("kind", "a SMOOTHED energy to say its noise", "none", cause, line_of(found.surface, "smoothing"))
        return
    if kind is EnergyKind.RANKING or bench.spec.reference:
        return
    try:
        beta = found.beta
        log_z = found.log_z(1.0).value
    except NotApplicable as reason:
        yield Finding(
            "kind", f"a {kind.name} energy to be one of a density", str(reason), "it is a RANKING energy", where
        )
        return
    if not SCALE[0] < beta < SCALE[1]:
        seen = f"that data fit it best at {beta:.3g} times its scale"
        cause = "an energy whose scale means nothing is of kind RANKING; or the loss fits another multiple of it"
        yield Finding("kind", f"a {kind.name} energy to be right as it stands", seen, cause, where)
    if kind is EnergyKind.NORMALIZED and not abs(log_z) < CONSTANT:
        seen = f"log of the integral of exp(-F) = {log_z:.3g}"
        cause = "an energy whose constant is not known is of kind DENSITY; or log Z is not learned"
        yield Finding("kind", "a NORMALIZED energy to integrate to one", seen, cause, where)
