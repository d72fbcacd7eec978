"""The contract of a dataset: sampler, density and score are of one distribution, and the domain holds it.

Where there is a context x, all that holds the density of y holds at each of a few x.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from scipy.stats import chi2
from torch import Tensor

from ebmbench.conformance.findings import Check, Checked, Finding, carried_out, line_of
from ebmbench.conformance.records import undescribed
from ebmbench.conformance.sources import CELLS, DRAWN, Source, at_each_context, vector
from ebmbench.conformance.surroundings import NUMBERS
from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Binary, Domain
from ebmbench.contracts.exponentials import exp
from ebmbench.contracts.records import DatasetSpec
from ebmbench.training.seeding import generator
from ebmbench.truth.normalizer import Array, as_array

EXPECTED = 10.0
"""Samples that a cell of the chi-square test has at least, by the density."""
CHANCE = 1e-6
"""How seldom a dataset that is right may be called wrong by a test."""
DEVIATIONS = 5.0
LOST = 1e-3
"""The share of the mass that may lie outside of the domain, and the error of the density's integral."""
STEP = 1e-5
WRONG_SCORE = 1e-3
"""Relative, of nine points in ten."""


def record(source: Source) -> Iterator[Finding]:
    """The record says what it is, and every parameter what it does."""
    if not source.spec.summary.strip():
        yield Finding("record", "a summary in its DatasetSpec", "none", "", source.line())
    yield from undescribed(type(source.dataset))


def sampler(source: Source) -> Iterator[Finding]:
    """Rows (n, d) of finite numbers that the generator decides alone."""
    dataset, where = source.dataset, source.line("sample", "sample_given", "draw")
    wrong = _left_out(dataset) or _shape(dataset, source.drawn)
    if wrong:
        yield Finding("sampler", *wrong, where)
        return
    before = {name: get() for name, get in NUMBERS.items()}
    one, two, other = (dataset.sample(50, generator("check", seed)).y for seed in (1, 1, 2))
    drawn = [name for name, get in NUMBERS.items() if get() != before[name]]
    if drawn:
        cause = "draw from `generator`: torch.rand(..., generator=generator)"
        yield Finding("sampler", f"{drawn[0]} global numbers to stay as they are", "they were drawn from", cause, where)
    elif not torch.equal(one, two):
        yield Finding("sampler", "the same rows from the same generator", "others", "", where)
    if torch.equal(one, other):
        yield Finding("sampler", "other rows from another generator", "the same", "it has a seed of its own", where)


def _left_out(dataset: Dataset) -> tuple[str, str, str] | None:
    """What y given x lacks: expected, seen, and the likely cause."""
    for name in ("sample_context", "sample_given") if dataset.context is not None else ():
        if getattr(type(dataset), name) is getattr(Dataset, name):
            return name, "none", "of what has a context, sample is made of sample_context and sample_given"
    return None


def _shape(dataset: Dataset, batch: object) -> tuple[str, str, str] | None:
    """What was expected of a batch, what was seen, and the likely cause; None when it is as it should be."""
    if not isinstance(batch, Batch):
        return "a Batch", f"a {type(batch).__name__}", "return Batch(y)"
    parts = [("y", batch.y, dataset.domain, DRAWN), ("x", batch.x, dataset.context, DRAWN)]
    if dataset.context is not None and batch.x is not None:
        given = dataset.sample_given(batch.x[:50], generator("check", "given"))
        parts.append(("y given x", given, dataset.domain, 50))
    for part, values, space, n in parts:
        expected = None if space is None else (n, space.dim)
        shape = None if values is None else tuple(values.shape)
        if shape != expected:
            cause = "say what x is: the context property" if expected is None else ""
            return f"{part} {expected}", str(shape), cause
        if values is not None and not bool(torch.isfinite(values).all()):
            return f"finite rows of {part}", "some that are not", ""
    return None


def domain(source: Source) -> Iterator[Finding]:
    """The domain holds the mass: samples lie in it, and so does the density. The context holds x."""
    dataset, batch = source.dataset, source.drawn
    yield from _inside("domain", batch.y, dataset.domain, source)
    if dataset.context is not None and batch.x is not None:
        yield from _inside("context", batch.x, dataset.context, source)


def _inside(name: str, rows: Tensor, space: Domain, source: Source) -> Iterator[Finding]:
    """What is drawn lies where a member says that it does."""
    if isinstance(space, Binary):
        if not bool(((rows == 0) | (rows == 1)).all()):
            yield Finding("domain", "bits, 0 or 1", "other numbers", "", source.line("sample", "sample_given"))
        return
    outside = 1 - float(space.contains(rows).double().mean())
    if outside > LOST:
        seen = f"{outside:.2%} outside"
        yield Finding("domain", f"samples inside of the {name}", seen, "it is too small", source.line(name))


def density(source: Source) -> Iterator[Finding]:
    """exp(log_prob) integrates to one, row by row, in double precision."""
    if not source.dataset.has_density:
        return
    where, few = source.line("log_prob"), source.drawn[:50]
    found = source.dataset.log_prob(few.y, few.x)
    if not isinstance(found, Tensor) or tuple(found.shape) != (50,) or found.dtype != torch.float64:
        seen = f"{tuple(found.shape)} of {found.dtype}" if isinstance(found, Tensor) else type(found).__name__
        yield Finding("density", "log_prob as (50,) of 50 rows, in float64", seen, "", where)
        return
    if not bool(torch.isfinite(found).all()):
        yield Finding("density", "a density at every sample", "none at some", "sampler and density disagree", where)
    yield from _integral(source)


@at_each_context
def _integral(source: Source) -> Iterator[Finding]:
    """Over y."""
    where = source.line("log_prob")
    total = source.truth.normalizer.log_z(-source.log_p).value
    if not abs(total) < LOST:
        seen = f"exp({total:.4g}) = {math.exp(min(total, 50)):.4g}"
        yield Finding(
            "density", "a density that integrates to one", seen, "its constant is wrong, or a part is left out", where
        )


def rows(source: Source) -> Iterator[Finding]:
    """The density of each row is of its own y and x, whatever stands in the other rows."""
    if not source.dataset.has_density:
        return
    log_prob, few = source.dataset.log_prob, source.drawn[:50]
    together = log_prob(few.y, few.x)
    alone = torch.cat([log_prob(row.y, row.x) for row in (few[k : k + 1] for k in range(len(few)))])
    if not torch.allclose(together, alone):
        worst = int((together - alone).abs().argmax())
        seen = f"{float(together[worst]):.4g} among others where it is {float(alone[worst]):.4g} alone"
        yield Finding("rows", "the density of each row by itself", seen, "rows are mixed up", source.line("log_prob"))


def agreement(source: Source) -> Iterator[Finding]:
    """Samples fall as the density says: in cells (chi-square), and in their mean log density (entropy)."""
    if not source.dataset.has_density:
        return
    found = list(_pairs(source))
    yield from found or _counts(source)


def _pairs(source: Source) -> Iterator[Finding]:
    """Where there is a context, ``sample`` pairs it with what ``sample_given`` draws: by the mean log density."""
    dataset, batch = source.dataset, source.drawn
    if batch.x is None:
        return
    again = dataset.sample_given(batch.x, generator("check", "again"))
    one, other = (as_array(dataset.log_prob(y, batch.x)) for y in (batch.y, again))
    error = math.hypot(float(one.std()), float(other.std())) / math.sqrt(DRAWN)
    if not abs(one.mean() - other.mean()) <= DEVIATIONS * error + LOST:
        seen = f"{one.mean():.4g} of sample's rows where sample_given has {other.mean():.4g}"
        cause = "rows are paired with another row's x"
        yield Finding("agreement", "one mean of log p(y | x)", seen, cause, source.line("sample", "sample_given"))


@at_each_context
def _counts(source: Source) -> Iterator[Finding]:
    """Of samples at one law."""
    where = source.line("sample", "sample_given", "draw", "log_prob")
    counted, expected = _cells(source)
    statistic, freedom = float(((counted - expected) ** 2 / expected).sum()), len(expected) - 1
    if chi2.sf(statistic, freedom) < CHANCE:
        worst = int(np.argmax(np.abs(counted - expected) / np.sqrt(expected)))
        seen = f"{counted[worst]:.0f} in a part of it where it says {expected[worst]:.0f} (chi-square {statistic:.0f})"
        yield Finding("agreement", "samples where the density says", seen, "they are of two distributions", where)
        return
    values = as_array(source.dataset.log_prob(source.drawn.y))
    error = float(values.std()) / math.sqrt(len(values)) + 1e-6
    gap = float(values.mean()) + source.truth.entropy
    if abs(gap) > DEVIATIONS * error + LOST:
        seen = f"{values.mean():.4f} where the density has {-source.truth.entropy:.4f}"
        yield Finding(
            "agreement", "the mean log density of the density itself", seen, "they are of two distributions", where
        )


def _cells(source: Source) -> tuple[Array, Array]:
    """Samples and what the density expects, in cells that expect enough: blocks of the lattice, or states."""
    support = source.truth.normalizer.domain
    mass = exp(source.truth.log_p[: len(support.points)] + as_array(support.log_weight))
    y, box = source.drawn.y, source.dataset.domain
    if box.kind == "binary":
        place = as_array(box.index(y)).astype(int)  # type: ignore[union-attr]
        counts = np.bincount(place, minlength=len(mass))
    else:
        side = CELLS // 10
        low, high = (y.new_tensor(end) for end in (box.low, box.high))  # type: ignore[union-attr]
        inside = y[box.contains(y)]  # type: ignore[union-attr]
        block = ((inside - low) / (high - low) * side).long().clamp(0, side - 1)
        counts = np.bincount(
            as_array(block @ (side ** torch.arange(box.dim - 1, -1, -1))).astype(int), minlength=side**box.dim
        )
        mass = _blocks(mass, side, box.dim)
    expected = mass * DRAWN
    order = np.argsort(-expected)
    enough = order[expected[order] >= EXPECTED]
    rest = max(DRAWN - expected[enough].sum(), 0.0)
    counted = counts[enough].astype(float)
    if rest >= EXPECTED:
        return np.append(counted, DRAWN - counted.sum()), np.append(expected[enough], rest)
    return counted, expected[enough]


def _blocks(mass: Array, side: int, dim: int) -> Array:
    """The mass of blocks of a lattice."""
    found = mass.reshape((side, CELLS // side) * dim)
    return np.asarray(found.sum(tuple(range(1, 2 * dim, 2))).ravel())


def score(source: Source) -> Iterator[Finding]:
    """The gradient of log_prob: against central differences."""
    dataset = source.dataset
    if not dataset.has_density or dataset.domain.kind == "binary":
        return
    y, x = source.drawn.y[:200], None if source.drawn.x is None else source.drawn.x[:200]
    found = dataset.score(y, x)
    differences = torch.stack(
        [
            (dataset.log_prob(y + STEP * e, x) - dataset.log_prob(y - STEP * e, x)) / (2 * STEP)
            for e in torch.eye(y.shape[1]).double()
        ],
        -1,
    )
    wrong = ((found - differences).norm(dim=-1) / (1 + differences.norm(dim=-1))).quantile(0.9)
    if not float(wrong) < WRONG_SCORE:
        worst = int((found - differences).norm(dim=-1).argmax())
        seen = f"{vector(found[worst].tolist())} where differences give {vector(differences[worst].tolist())}"
        yield Finding(
            "score", "the gradient of log_prob", seen, "a sign, a factor, or another parameter", source.line("score")
        )


@at_each_context
def smoothed(source: Source) -> Iterator[Finding]:
    """The density of the data with noise on them is that of ``smoothed``: against a mean over samples."""
    dataset = source.dataset
    if not dataset.has_density or dataset.domain.kind == "binary":
        return
    sigma = 0.5 * float(source.drawn.y.var(0).mean().sqrt())
    blurred = dataset.smoothed(sigma)
    if blurred is None:
        return
    y = source.drawn.y[:20]
    log_kernel = -0.5 * (torch.cdist(y, source.drawn.y) / sigma).square() - y.shape[1] * math.log(
        sigma * math.sqrt(2 * math.pi)
    )
    kernel = log_kernel.exp()
    wanted, error = kernel.mean(1), kernel.std(1) / math.sqrt(DRAWN)
    found = blurred.log_prob(y).exp()
    if bool(((found - wanted).abs() > (DEVIATIONS + 1) * error + LOST * wanted).any()):
        worst = int(((found - wanted).abs() / error).argmax())
        seen = f"{float(found[worst]):.4g} where samples with noise have {float(wanted[worst]):.4g}"
        yield Finding(
            "smoothed",
            f"the density with noise of {sigma:.3g}",
            seen,
            "the noise is not added in squares",
            source.line("smoothed"),
        )


@at_each_context
def modes(source: Source) -> Iterator[Finding]:
    """Every mode is some sample's, and no sample is of a mode that there is not."""
    count = source.dataset.modes
    if count < 2:
        return
    found, where = source.dataset.assign_mode(source.drawn.y), source.line("assign_mode")
    if int(found.max()) >= count or int(found.min()) < -1:
        yield Finding(
            "modes", f"modes from 0 to {count - 1}, or -1", f"{int(found.min())} to {int(found.max())}", "", where
        )
    missing = sorted(set(range(count)) - set(found.tolist()))
    if missing:
        yield Finding("modes", "samples of every mode", f"none of mode {missing[0]}", "", where)


CHECKS: Mapping[str, Check[Source]] = {
    "record": record,
    "sampler": sampler,
    "domain": domain,
    "density": density,
    "rows": rows,
    "agreement": agreement,
    "score": score,
    "smoothed": smoothed,
    "modes": modes,
}
FATAL = frozenset({"sampler"})


def checked(spec: DatasetSpec, cls: type) -> Checked:
    """What is to be said of a dataset."""
    if not (isinstance(cls, type) and issubclass(cls, Dataset)):
        finding = Finding("record", "a class that derives from Dataset", f"{cls!r}", "", line_of(cls))
        return Checked(spec.name, "dataset", (), (finding,), 0.0)
    return carried_out(spec.name, "dataset", Source(spec, cls(**spec.params)), CHECKS, cls, FATAL)
