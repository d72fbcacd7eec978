"""What a problem builds with: the shared networks, sized by the suite, and noise shaped like the data."""

from __future__ import annotations

import torch
from torch import Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.domain import Domain
from ebmbench.contracts.problem import Context, Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.parts.nets import EnergyNet, MapNet, energy_net, map_net
from ebmbench.parts.noise import Gaussian, gaussian


class SharedParts:
    """The same parts for every method."""

    def energy_net(self, problem: Problem) -> EnergyNet:
        """That of ``parts.nets``."""
        return energy_net(problem)

    def map_net(self, problem: Problem) -> MapNet:
        """That of ``parts.nets``."""
        return map_net(problem)

    def gaussian(self, problem: Problem, scale: float) -> Gaussian:
        """That of ``parts.noise``."""
        return gaussian(problem, scale)


def shared_problem(
    domain: Domain,
    net: NetConfig,
    mean: Tensor | None = None,
    cov: Tensor | None = None,
    context: Context | Domain | None = None,
    truth: Dataset | None = None,
) -> Problem:
    """A problem with the shared parts; without moments it is blank: what a stored model is rebuilt on."""
    mean = torch.zeros(domain.dim) if mean is None else mean
    cov = torch.eye(domain.dim) if cov is None else cov
    if context is not None and not isinstance(context, Context):
        context = blank_context(context, domain.dim)
    return Problem(domain, mean, cov, net, SharedParts(), context, truth)


def blank_context(domain: Domain, dim: int) -> Context:
    """A context of which nothing is known but its space, beside a y of so many coordinates."""
    return Context(domain, torch.zeros(domain.dim), torch.eye(domain.dim), torch.zeros(domain.dim, dim))
