"""What is measured of a trained surface: metrics at its end, its curve at the milestones, what pictures are made of."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property

import numpy as np
import torch

from ebmbench.contracts.records import flat_name
from ebmbench.contracts.surface import Surface
from ebmbench.errors import NotApplicable
from ebmbench.metrics.conditional import ConditionalEvaluation, FuturesEvaluation, evaluation_of
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import TrialFolder
from ebmbench.store.records import MetricCell, Point, Training, Value
from ebmbench.training.checks import Diverged
from ebmbench.training.components import TrialComponents
from ebmbench.training.milestones import Milestone, Milestones
from ebmbench.training.portraits import foreseen, portrait
from ebmbench.training.seeding import seed_of
from ebmbench.truth.knowledge import truth_of
from ebmbench.truth.normalizer import Array
from ebmbench.truth.truth import Truth

MIN_LOG_DENSITY = -1e4
"""Log densities below this are stored as this: half precision is for pictures."""
SHOWN = 3000
"""Test points kept for pictures, where they stand in the place of the truth."""


class Measuring:
    """The measurements of one trial.

    Args:
        components: the trial.
        folder: where what it leaves is kept.
    """

    def __init__(self, components: TrialComponents, folder: TrialFolder) -> None:
        self.components, self.folder = components, folder
        self.energies: list[np.ndarray] = []
        """At the milestones, on their lattice."""

    def final(self, surface: Surface, cells: Sequence[MetricCell]) -> tuple[Evaluation, list[Value]]:
        """The metrics of the trained surface.

        Raises:
            Diverged: if an energy is no number.
        """
        evaluation = self._evaluation(surface, self._truth(self.components.spec.protocol.lattice))
        known = evaluation.energy_test if evaluation.truth.normalizer.reason else evaluation.energy
        if not (known > -np.inf).all():  # plus infinity is honest: no mass there
            raise Diverged("the energy is not a number, or minus infinity, somewhere")
        return evaluation, evaluate(evaluation, [(cell.spec(), cell.owner) for cell in cells])

    def curve(self, cells: Sequence[MetricCell]) -> list[Point]:
        """The metrics that are kept of milestones, at each of them."""
        kept = self.components.spec.track.milestones
        wanted = [cell for cell in cells if any(flat_name(cell.name, variant) in kept for variant in cell.variants)]
        milestones = Milestones(self.folder).load()
        return [point for milestone in milestones for point in self._points(milestone, wanted)]

    def _points(self, milestone: Milestone, cells: Sequence[MetricCell]) -> list[Point]:
        surface = self.components.blank()
        surface.load_state_dict(milestone.state)
        evaluation = self._evaluation(surface, self._coarse, thorough=False)
        values = evaluate(evaluation, [(cell.spec(), cell.owner) for cell in cells])
        if not self._coarse.normalizer.reason:
            with suppress(NotApplicable):
                self.energies.append(self._drawn_energy(evaluation).astype(np.float32))
        place = (milestone.step, round(milestone.passes), milestone.seconds)
        return [Point(*place, v.metric, v.variant, v.value) for v in values if self._is_kept(v)]

    @staticmethod
    def _drawn_energy(evaluation: Evaluation) -> Array:
        if isinstance(evaluation, ConditionalEvaluation):
            return portrait(evaluation, evaluation.protocol.milestone_lattice // 2).energy
        return evaluation.energy_inside

    def _is_kept(self, value: Value) -> bool:
        track = self.components.spec.track
        return flat_name(value.metric, value.variant) in track.milestones and value.value is not None

    @cached_property
    def _coarse(self) -> Truth:
        return self._truth(self.components.spec.protocol.milestone_lattice)

    def end_of_curve(self, training: Training, values: Sequence[Value]) -> list[Point]:
        """The final values of what is kept of milestones; nothing where nothing was trained."""
        if not training.steps:
            return []
        place = (training.steps, training.passes, training.train_seconds)
        return [Point(*place, v.metric, v.variant, v.value) for v in values if self._is_kept(v)]

    def write_curve(self, points: Sequence[Point]) -> None:
        """curve.jsonl."""
        lines = [point.as_json() + "\n" for point in sorted(points, key=lambda point: point.step)]
        write_atomic(self.folder.file("curve.jsonl"), "".join(lines))

    def _evaluation(self, surface: Surface, truth: Truth, thorough: bool = True) -> Evaluation:
        spec, (validation, test) = self.components.spec, self.components.held_out
        kind, like = spec.method.kind, self.components.like
        return evaluation_of(truth)(surface, truth, kind, validation, test, self._seed, like, spec.protocol, thorough)

    def _truth(self, cells: int) -> Truth:
        return truth_of(self.components.dataset, cells, self._seed, self.components.held_out[1].x)

    @property
    def _seed(self) -> int:
        spec = self.components.spec
        return seed_of(spec.protocol.seed, spec.seed)

    def save_artifacts(self, evaluation: Evaluation) -> None:
        """samples.npz, of next frames what is foreseen, and, where there is a lattice, surface.npz."""
        samples: dict[str, np.ndarray] = {}
        if not evaluation.truth.normalizer.reason:
            with suppress(NotApplicable):  # more coordinates than a picture has
                self._save(**self._pictures(evaluation))
            with suppress(NotApplicable):  # no temperature makes a density of the energy
                samples["common"] = evaluation.common_samples.float().numpy()
        if isinstance(evaluation, FuturesEvaluation):
            with suppress(NotApplicable):
                samples |= foreseen(evaluation)
        elif evaluation.surface.samples_natively:
            samples["native"] = evaluation.native_samples.float().numpy()
        with self.folder.file("samples.npz").open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **samples)

    def _save(self, **arrays: np.ndarray) -> None:
        with self.folder.file("surface.npz").open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    def _pictures(self, evaluation: Evaluation) -> dict[str, np.ndarray]:
        """The energy on the lattice beside the truth; where that is not known, beside test points."""
        if isinstance(evaluation, ConditionalEvaluation):
            return self._portrait(evaluation)
        truth = evaluation.truth
        arrays: dict[str, np.ndarray] = {
            "energy": evaluation.energy_inside.astype(np.float32),
            "iso_log_density": np.maximum(evaluation.iso_log_density_inside, MIN_LOG_DENSITY).astype(np.float16),
            "lattice": np.array(truth.normalizer.domain.shape),
            "shift": np.array(truth.normalizer.shift),
        }
        if self.energies:
            arrays["milestones"] = np.stack(self.energies)
        lattice = truth.normalizer.domain
        box = torch.stack([(lattice.points - lattice.cell / 2).amin(0), (lattice.points + lattice.cell / 2).amax(0)])
        arrays["box"] = box.numpy()
        if truth.on_support:
            return arrays | {"log_p": np.maximum(truth.log_p[truth.inside], MIN_LOG_DENSITY).astype(np.float16)}
        return arrays | {"data": evaluation.test.y[:SHOWN].numpy()}

    def _portrait(self, evaluation: ConditionalEvaluation) -> dict[str, np.ndarray]:
        side = evaluation.protocol.milestone_lattice
        drawn = portrait(evaluation, side)
        arrays: dict[str, np.ndarray] = {
            "energy": drawn.energy.astype(np.float32),
            "lattice": np.array((side, side)),
            "shift": np.array([]),
            "box": np.array([drawn.plane.low, drawn.plane.high]),
        }
        if self.energies:
            arrays["milestones"] = np.stack(self.energies)
        if drawn.log_p is None:
            return arrays
        return arrays | {"log_p": np.maximum(drawn.log_p, MIN_LOG_DENSITY).astype(np.float16)}
