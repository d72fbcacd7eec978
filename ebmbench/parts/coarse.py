"""A network for maps that must stay smooth."""

from __future__ import annotations

from ebmbench.contracts.problem import Context
from ebmbench.contracts.records import NetConfig
from ebmbench.parts.nets import Conditioned, FourierNet, conditioned


def coarse_net(
    inputs: int, outputs: int, config: NetConfig, context: Context | None = None
) -> FourierNet | Conditioned:
    """The shared network with as many features, at the two lowest scales alone.

    For decoders of a code, where what is finer than the codes lie cannot be seen, and for maps that are stacked, where
    the finest scales make the outer ones rattle.
    """
    scales = config.scales[:2]
    features = config.features - config.features % len(scales)
    return conditioned(inputs, outputs, config.model_copy(update={"scales": scales, "features": features}), context)
