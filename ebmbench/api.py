"""All that a plugin imports: one table from public names to the modules that define them, followed on demand.

from ebmbench.api import EnergyKind, GradientMethod, MethodSpec, Strategy, hookimpl
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ebmbench.contracts import API_VERSION as API_VERSION
    from ebmbench.contracts import Batch as Batch
    from ebmbench.contracts import Dataset as Dataset
    from ebmbench.contracts import DatasetSpec as DatasetSpec
    from ebmbench.contracts import EnergyKind as EnergyKind
    from ebmbench.contracts import Logs as Logs
    from ebmbench.contracts import Method as Method
    from ebmbench.contracts import MethodSpec as MethodSpec
    from ebmbench.contracts import MetricSpec as MetricSpec
    from ebmbench.contracts import Strategy as Strategy
    from ebmbench.contracts import Support as Support
    from ebmbench.datasets.domain import Binary as Binary
    from ebmbench.datasets.domain import Box as Box
    from ebmbench.parts.autoencoder import ReconstructionMethod as ReconstructionMethod
    from ebmbench.parts.autoencoder import ReconstructionSurface as ReconstructionSurface
    from ebmbench.parts.counting import count_passes as count_passes
    from ebmbench.parts.energies import EnergySurface as EnergySurface
    from ebmbench.parts.energies import NoiseSurface as NoiseSurface
    from ebmbench.parts.energies import SelfNormalizedMethod as SelfNormalizedMethod
    from ebmbench.parts.energies import SelfNormalizedSurface as SelfNormalizedSurface
    from ebmbench.parts.gradient import GradientMethod as GradientMethod
    from ebmbench.parts.gradient import input_gradient as input_gradient
    from ebmbench.parts.nets import EnergyNet as EnergyNet
    from ebmbench.parts.nets import MapNet as MapNet
    from ebmbench.parts.noise import Gaussian as Gaussian
    from ebmbench.parts.problem import Problem as Problem
    from ebmbench.parts.reference import ReferenceMethod as ReferenceMethod
    from ebmbench.parts.samplers import Hmc as Hmc
    from ebmbench.parts.samplers import Mala as Mala
    from ebmbench.parts.samplers import independence_step as independence_step
    from ebmbench.parts.samplers import langevin as langevin
    from ebmbench.parts.surface import Surface as Surface
    from ebmbench.suite.hooks import hookimpl as hookimpl

TABLE = {
    "API_VERSION": "ebmbench.contracts",
    "Batch": "ebmbench.contracts",
    "Binary": "ebmbench.datasets.domain",
    "Box": "ebmbench.datasets.domain",
    "Dataset": "ebmbench.contracts",
    "DatasetSpec": "ebmbench.contracts",
    "EnergyKind": "ebmbench.contracts",
    "EnergyNet": "ebmbench.parts.nets",
    "EnergySurface": "ebmbench.parts.energies",
    "Gaussian": "ebmbench.parts.noise",
    "GradientMethod": "ebmbench.parts.gradient",
    "Hmc": "ebmbench.parts.samplers",
    "Logs": "ebmbench.contracts",
    "Mala": "ebmbench.parts.samplers",
    "MapNet": "ebmbench.parts.nets",
    "Method": "ebmbench.contracts",
    "MethodSpec": "ebmbench.contracts",
    "MetricSpec": "ebmbench.contracts",
    "NoiseSurface": "ebmbench.parts.energies",
    "Problem": "ebmbench.parts.problem",
    "ReconstructionMethod": "ebmbench.parts.autoencoder",
    "ReconstructionSurface": "ebmbench.parts.autoencoder",
    "ReferenceMethod": "ebmbench.parts.reference",
    "SelfNormalizedMethod": "ebmbench.parts.energies",
    "SelfNormalizedSurface": "ebmbench.parts.energies",
    "Strategy": "ebmbench.contracts",
    "Support": "ebmbench.contracts",
    "Surface": "ebmbench.parts.surface",
    "count_passes": "ebmbench.parts.counting",
    "hookimpl": "ebmbench.suite.hooks",
    "independence_step": "ebmbench.parts.samplers",
    "input_gradient": "ebmbench.parts.gradient",
    "langevin": "ebmbench.parts.samplers",
}

__all__ = list(TABLE)


def __getattr__(name: str) -> Any:
    if name not in TABLE:
        raise AttributeError(f"ebmbench.api has no '{name}'; it offers {', '.join(sorted(TABLE))}")
    value = getattr(importlib.import_module(TABLE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(TABLE)
