"""What an energy must be, asked of a surface after a short training."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor

from ebmbench.conformance.bench import Bench
from ebmbench.conformance.findings import Finding, line_of
from ebmbench.contracts.surface import Surface, input_gradient
from ebmbench.errors import UsageError
from ebmbench.training.checks import check_form
from ebmbench.training.seeding import generator

ROWS = 64
ALIKE = 1e-4
"""Relative and absolute: what the order of sums may change."""


def form(bench: Bench) -> Iterator[Finding]:
    """One floating-point number a row, whose gradient in y can be had."""
    surface: object = bench.begun()[0]
    if not isinstance(surface, Surface):
        seen = f"a {type(surface).__name__}"
        yield Finding("form", "build to return a Surface", seen, "derive it from ebmbench.api.Surface", _build(bench))
        return
    y = bench.rows(ROWS, "form")
    try:
        check_form(surface, bench.batch(bench.method.stepper(surface), 0), bench.kind == "continuous")
    except UsageError as error:
        expected, _, seen = str(error).removeprefix("forward: expected ").partition("; got ")
        cause = _form_cause(surface, y)
        if not seen:
            expected, seen, cause = "an energy whose gradient in y can be had", str(error), "detach, no_grad or numpy"
        yield Finding("form", expected, seen, cause, _forward(surface))


def _form_cause(surface: Surface, y: Tensor) -> str:
    energy = surface(y)
    if isinstance(energy, Tensor) and energy.ndim == 2 and energy.shape[1] == 1:
        return "the last axis is left over: energy.squeeze(-1)"
    return ""


def _forward(surface: object) -> str:
    return line_of(surface, "forward")


def _build(bench: Bench) -> str:
    return line_of(bench.method, "build")


def alone(bench: Bench) -> Iterator[Finding]:
    """A row's energy is its own, whatever other rows are in the batch, and the same each time."""
    surface, y = bench.short, bench.rows(ROWS, "alone")
    with torch.no_grad():
        energy = surface(y)
        if not torch.allclose(surface(y), energy, rtol=0, atol=0, equal_nan=True):
            seen = "another energy of the same rows at the second call"
            cause = "noise is drawn in forward, or it counts its calls"
            yield Finding("alone", "the same energy each time", seen, cause, _forward(surface))
            return
        parts = torch.cat([surface(part) for part in torch.split(y, 7)])
        turned = surface(y.flip(0)).flip(0)
    for other, change in ((parts, "split"), (turned, "turned round")):
        if not torch.allclose(other, energy, rtol=ALIKE, atol=ALIKE, equal_nan=True):
            worst = float((other - energy).abs().max())
            seen = f"energies that differ by up to {worst:.3g} when the batch is {change}"
            cause = "a mean, a norm or a ranking over the batch (batch normalization?)"
            yield Finding("alone", "energies that depend on their own row alone", seen, cause, _forward(surface))
            return


def finite(bench: Bench) -> Iterator[Finding]:
    """Finite at data, at three times their distance, and in the corners of the domain; not the same everywhere."""
    surface, y = bench.short, bench.rows(ROWS, "finite")
    domain = bench.dataset.domain
    corners = domain.support(2).points.float() if bench.kind == "binary" else 2 * domain.support(2).points.float()
    places = {"at data": y, "in the corners of the domain": corners}
    if bench.kind == "continuous":
        places["far from the data"] = 3 * y
    with torch.no_grad():
        for place, points in places.items():
            energy = surface(points)
            wrong = ~torch.isfinite(energy) & ~torch.isposinf(energy) if place != "at data" else ~torch.isfinite(energy)
            if bool(wrong.any()):
                seen = f"{float(energy[wrong][0])} {place} {tuple(round(v, 2) for v in points[wrong][0].tolist())}"
                cause = "a logarithm of nothing, a division by nothing, an exponential that is too large"
                yield Finding("finite", "finite energies", seen, cause, _forward(surface))
                return
        if not float(surface(y).std()) > 0:
            yield Finding("finite", "energies that differ from row to row", "one and the same", "", _forward(surface))


def slope(bench: Bench) -> Iterator[Finding]:
    """The gradient in y is that of the energy: against central differences."""
    if bench.kind != "continuous":
        return
    surface, y = copy.deepcopy(bench.short).double(), bench.rows(20, "slope", dtype=torch.float64)
    _, gradient = input_gradient(surface, y)
    direction, step = y.new_tensor([0.6, -0.8]), 1e-4
    with torch.no_grad():
        differences = (surface(y + step * direction) - surface(y - step * direction)) / (2 * step)
    wrong = (gradient @ direction - differences).abs() / (1 + differences.abs())
    if float(wrong.median()) > 0.05:
        seen = f"{float((gradient @ direction)[0]):.4g} where differences give {float(differences[0]):.4g}"
        cause = "with_gradient is another function than forward, or a part of the energy is detached"
        yield Finding("slope", "the gradient of the energy", seen, cause, line_of(surface, "with_gradient", "forward"))


def samples(bench: Bench) -> Iterator[Finding]:
    """The method's own samples: their shape, and that the generator decides them alone."""
    surface, dim = bench.short, bench.dataset.domain.dim
    if not surface.samples_natively:
        return
    place = line_of(surface, "sample")
    with torch.no_grad():
        for n in (1, 50):
            shape = tuple(surface.sample(n, generator("samples")).shape)
            if shape != (n, dim):
                yield Finding("samples", f"{n} samples as ({n}, {dim})", str(shape), "", place)
                return
        one, two, other = (surface.sample(50, generator("samples", seed)) for seed in (1, 1, 2))
    if not torch.equal(one, two):
        seen = "others from the same generator"
        yield Finding("samples", "the same samples", seen, "numbers that are not drawn from `generator`", place)
    elif torch.equal(one, other):
        yield Finding("samples", "other samples from another generator", "the same", "it has a seed of its own", place)
