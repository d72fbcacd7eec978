"""Maximum likelihood with Hamiltonian Monte Carlo."""

from __future__ import annotations

from pydantic import Field

from ebmbench.api import Hmc, Problem, Surface
from ebmbench_plugins.c2_chosen_points.chains import ChainMethod, ChainSurface


class MLEHMC(ChainMethod):
    """Push up where persistent Hamiltonian chains stand: LeCun's rolling ball that is given kicks.

    L = mean_i F(y_i) - mean_j F(y^-_j), y^- held fixed: its gradient is that of the negative log-likelihood. The
    chains are never restarted; each step moves all of them by one trajectory of ``leapfrogs`` leapfrog steps whose
    size follows the acceptance (Duane et al. 1987; Neal 2011), and by one independence proposal from a Gaussian,
    without which they cannot follow the mass from mode to mode. Shapes: y (B, d), chains (M, d).
    It fails as ``pcd`` does: when the chains lag behind the energy, and in many dimensions, where the independence
    proposal is never accepted.
    """

    leapfrogs: int = Field(5, ge=1, description="leapfrog steps of a trajectory")
    acceptance: float = Field(0.75, gt=0, lt=1, description="acceptance that the step size is adapted to")
    first_step: float = Field(0.06, gt=0, description="first leapfrog step, in units of the data's standard deviation")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net beside its chains."""
        noise, kernel = problem.gaussian(self.noise_scale), Hmc(self.first_step, self.leapfrogs, self.acceptance)
        return ChainSurface(problem, noise, kernel, 1, self.chains)
