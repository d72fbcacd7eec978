"""What is known of a dataset: its exact density on a support, or at any point, or nothing.

Every member raises ``NotApplicable`` where it is not known, with the reason.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from torch import Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.exponentials import exp
from ebmbench.errors import NotApplicable
from ebmbench.truth.normalizer import Array, Normalizer, as_array, log_normalizer


class Truth:
    """Data of which nothing is known but samples, and how energies are integrated over their domain."""

    unknown = "the true density of these data is not known"
    """Why there is none of what is not known."""

    def __init__(self, dataset: Dataset, normalizer: Normalizer) -> None:
        self.dataset, self.normalizer = dataset, normalizer

    @property
    def log_weight(self) -> Array:
        """log volumes of the support (M,)."""
        return self.normalizer.log_weight

    @property
    def inside(self) -> slice:
        """The domain's part of the support."""
        return slice(len(self.normalizer.domain.points))

    @property
    def on_support(self) -> bool:
        """Whether the density is known on all of a support."""
        return False

    @property
    def log_p(self) -> Array:
        """The true log density on the support (M,), normalized there."""
        raise NotApplicable(self.unknown)

    @property
    def entropy(self) -> float:
        """-integral of p log p, in nats."""
        raise NotApplicable(self.unknown)

    @property
    def floor_energy(self) -> Array:
        """What skill is zero at, on the support: the moment-matched Gaussian; independent bits with the true means."""
        raise NotApplicable(self.unknown)

    @property
    def spread(self) -> float | None:
        """Root mean square of the true standard deviations; None where they are not known."""
        return None

    @property
    def mean_given(self) -> Array:
        """The mean of y given each context, (N, d)."""
        raise NotApplicable("the data depend on no context x")

    @property
    def modes(self) -> int:
        """How many separate modes there are."""
        raise NotApplicable("the modes of these data are not known")

    @property
    def owner(self) -> NDArray[np.int64]:
        """The mode that each point of the support belongs to (M,), -1 for none."""
        raise NotApplicable(self.unknown)

    def log_p_at(self, batch: Batch) -> Array:
        """The true log density at points, (B,)."""
        raise NotApplicable(self.unknown)

    def score_at(self, batch: Batch) -> Array:
        """The true score at points, (B, d)."""
        raise NotApplicable(self.unknown)

    def blurred_log_p(self, sigma: float) -> Array:
        """The true log density convolved with N(0, sigma^2 I) on the support (M,), normalized there."""
        raise NotApplicable(self.unknown)

    def require_unconditional(self) -> None:
        """Raise ``NotApplicable`` where the data depend on a context x."""
        if self.dataset.context is not None:
            raise NotApplicable("energies given different contexts x are not compared with one another")

    def require_continuous(self, reason: str) -> None:
        """Raise ``NotApplicable`` for that reason on bits."""
        if self.dataset.domain.kind == "binary":
            raise NotApplicable(reason)


class TruthAtPoints(Truth):
    """The exact density at any point, and perhaps no support that covers the domain."""

    def __init__(self, dataset: Dataset, normalizer: Normalizer) -> None:
        super().__init__(dataset, normalizer)
        self.unknown = normalizer.reason

    @property
    def modes(self) -> int:
        """The dataset's own."""
        return self.dataset.modes

    def log_p_at(self, batch: Batch) -> Array:
        """The dataset's own."""
        return as_array(self.dataset.log_prob(batch.y, batch.x))

    def score_at(self, batch: Batch) -> Array:
        """The dataset's own."""
        self.require_continuous("bits have no gradient")
        return as_array(self.dataset.score(batch.y, batch.x))


class TruthOnSupport(TruthAtPoints):
    """The exact density on a support that covers the domain, computed once for all that is held against it."""

    @property
    def on_support(self) -> bool:
        """It is."""
        return True

    @cached_property
    def log_p(self) -> Array:
        """The true log density on the support (M,), normalized there."""
        return self._normalized(self._log_p(self.dataset))

    def _log_p(self, dataset: Dataset) -> Tensor:
        return dataset.log_prob(self.normalizer.support.points)

    def _normalized(self, log_p: Tensor) -> Array:
        found = as_array(log_p)
        return found - log_normalizer(-found, self.log_weight)

    @cached_property
    def entropy(self) -> float:
        """-integral of p log p, in nats."""
        mass = exp(self.log_p + self.log_weight)
        held = mass > 0
        return float(-(mass[held] * self.log_p[held]).sum())

    @cached_property
    def moments(self) -> tuple[Array, Array]:
        """The true mean (d,) and covariance (d, d)."""
        points, mass = as_array(self.normalizer.support.points), exp(self.log_p + self.log_weight)
        mean = mass @ points
        centered = points - mean
        return mean, (centered * mass[:, None]).T @ centered

    @cached_property
    def floor_energy(self) -> Array:
        """Of the moment-matched Gaussian, up to a constant; on bits of independent ones with the true means."""
        points, (mean, cov) = as_array(self.normalizer.support.points), self.moments
        if self.dataset.domain.kind == "binary":
            energy = -(xlogy(points, mean) + xlogy(1 - points, 1 - mean)).sum(-1)
            return np.asarray(np.round(energy, 9))  # rounding errors must not order states that are equal
        centered = points - mean
        return np.asarray(0.5 * (centered @ np.linalg.inv(cov) * centered).sum(-1), dtype=np.float64)

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """The dataset's own."""
        if self.modes < 2:
            raise NotApplicable("the distribution is in one piece")
        return self.dataset.assign_mode(self.normalizer.support.points).numpy()

    @cached_property
    def spread(self) -> float:
        """Root mean square of the true standard deviations."""
        return float(np.sqrt(np.diagonal(self.moments[1]).mean()))

    def blurred_log_p(self, sigma: float) -> Array:
        """Exact, where the dataset has a closed form of it."""
        blurred = self.dataset.smoothed(sigma)
        if blurred is None:
            raise NotApplicable("this distribution has no closed form when it is blurred")
        return self._normalized(self._log_p(blurred))
