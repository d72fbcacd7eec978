"""The contract of a dataset: sampler, density and score are of one distribution, and the domain holds it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.stats import chi2
from torch import Tensor

from ebmbench.conformance.findings import Check, Checked, Finding, carried_out, line_of
from ebmbench.conformance.records import undescribed
from ebmbench.conformance.surroundings import NUMBERS
from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.exponentials import exp
from ebmbench.contracts.records import DatasetSpec
from ebmbench.errors import NotApplicable
from ebmbench.training.seeding import generator
from ebmbench.truth.knowledge import truth_of
from ebmbench.truth.normalizer import Array, as_array
from ebmbench.truth.truth import Truth

DRAWN = 20_000
"""Samples that are held against the density."""
CELLS = 400
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


@dataclass(frozen=True)
class Source:
    """A dataset, and what is drawn of it once."""

    spec: DatasetSpec
    dataset: Dataset

    @cached_property
    def drawn(self) -> Batch:
        """Many samples."""
        return self.dataset.sample(DRAWN, generator("check"))

    @cached_property
    def truth(self) -> Truth:
        """Its density on a lattice."""
        found = truth_of(self.dataset, CELLS)
        if not found.on_support:
            raise NotApplicable("no support that covers the domain")
        return found

    @cached_property
    def log_p(self) -> Array:
        """As it claims, on the support."""
        return as_array(self.dataset.log_prob(self.truth.normalizer.support.points))

    def line(self, *names: str) -> str:
        """Where it defines one of these."""
        return line_of(self.dataset, *names)


def record(source: Source) -> Iterator[Finding]:
    """The record says what it is, and every parameter what it does."""
    if not source.spec.summary.strip():
        yield Finding("record", "a summary in its DatasetSpec", "none", "", source.line())
    yield from undescribed(type(source.dataset))


def sampler(source: Source) -> Iterator[Finding]:
    """Rows (n, d) of finite numbers that the generator decides alone."""
    dataset, where = source.dataset, source.line("sample", "draw")
    batch, dim = source.drawn, dataset.domain.dim
    if not isinstance(batch, Batch) or tuple(batch.y.shape) != (DRAWN, dim):
        seen = str(tuple(batch.y.shape)) if isinstance(batch, Batch) else f"a {type(batch).__name__}"
        yield Finding("sampler", f"a Batch with y ({DRAWN}, {dim})", seen, "return Batch(y)", where)
        return
    if not bool(torch.isfinite(batch.y).all()):
        yield Finding("sampler", "finite rows", "some that are not", "", where)
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


def domain(source: Source) -> Iterator[Finding]:
    """The domain holds the mass: samples lie in it, and so does the density."""
    dataset, where = source.dataset, source.line("domain")
    if dataset.domain.kind == "binary":
        if not bool(((source.drawn.y == 0) | (source.drawn.y == 1)).all()):
            yield Finding("domain", "bits, 0 or 1", "other numbers", "", source.line("sample"))
        return
    outside = 1 - float(dataset.domain.contains(source.drawn.y).double().mean())  # type: ignore[union-attr]
    if outside > LOST:
        yield Finding("domain", "samples inside of the domain", f"{outside:.2%} outside", "it is too small", where)


def density(source: Source) -> Iterator[Finding]:
    """exp(log_prob) integrates to one, row by row, in double precision."""
    if not source.dataset.has_density:
        return
    where, y = source.line("log_prob"), source.drawn.y[:50]
    found = source.dataset.log_prob(y)
    if not isinstance(found, Tensor) or tuple(found.shape) != (50,) or found.dtype != torch.float64:
        seen = f"{tuple(found.shape)} of {found.dtype}" if isinstance(found, Tensor) else type(found).__name__
        yield Finding("density", "log_prob as (50,) of 50 rows, in float64", seen, "", where)
        return
    if not bool(torch.isfinite(found).all()):
        yield Finding("density", "a density at every sample", "none at some", "sampler and density disagree", where)
    total = source.truth.normalizer.log_z(-source.log_p).value
    if not abs(total) < LOST:
        seen = f"exp({total:.4g}) = {math.exp(min(total, 50)):.4g}"
        yield Finding(
            "density", "a density that integrates to one", seen, "its constant is wrong, or a part is left out", where
        )


def agreement(source: Source) -> Iterator[Finding]:
    """Samples fall as the density says: in cells (chi-square), and in their mean log density (entropy)."""
    if not source.dataset.has_density:
        return
    where = source.line("sample", "draw", "log_prob")
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
    y = source.drawn.y[:200]
    found = dataset.score(y)
    differences = torch.stack(
        [
            (dataset.log_prob(y + STEP * e) - dataset.log_prob(y - STEP * e)) / (2 * STEP)
            for e in torch.eye(y.shape[1]).double()
        ],
        -1,
    )
    wrong = ((found - differences).norm(dim=-1) / (1 + differences.norm(dim=-1))).quantile(0.9)
    if not float(wrong) < WRONG_SCORE:
        worst = int((found - differences).norm(dim=-1).argmax())
        seen = f"{_vector(found[worst])} where differences give {_vector(differences[worst])}"
        yield Finding(
            "score", "the gradient of log_prob", seen, "a sign, a factor, or another parameter", source.line("score")
        )


def _vector(values: Tensor) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values.tolist())})"


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
