"""From trial folders to lines: failures count, skipped trials do not, grids are chosen on validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ebmbench.analysis.aggregate import FAILED_SKILL, Line, choose, lines, rank
from ebmbench.contracts import EnergyKind, Status, Strategy
from ebmbench.store.folders import TrialFolder, write_atomic
from ebmbench.store.records import (
    Attempt,
    DatasetCell,
    Measurements,
    MethodCell,
    RunRecord,
    Training,
    TrialSpec,
    TrialView,
    Value,
)
from ebmbench.store.tables import TrialResult
from ebmbench.suite.schema import Budget, DataRegime, DeviceProfile, NetConfig


class Lab:
    """A store of made-up trials, in the order that they were made."""

    def __init__(self, root: Path) -> None:
        self.root, self.trials = root, list[TrialResult]()

    def trial(
        self,
        row: str,
        values: dict[str, float] | None = None,
        *,
        dataset: str = "moons",
        seed: int = 0,
        status: Status | None = Status.OK,
        point: str = "",
        strategy: Strategy = Strategy.C1,
        device: str = "cpu",
        train_seconds: float = 1.0,
    ) -> TrialResult:
        """One trial; a ``status`` of None is one that has not ended."""
        key = f"{len(self.trials):016x}"
        view = TrialView(
            key=key,
            name=f"{row}/{dataset}/{seed}/{device}",
            row=row,
            point=point,
            method=row,
            dataset=dataset,
            seed=seed,
            device=device,
            strategy=strategy,
            kind=EnergyKind.DENSITY,
            skipped="no such device" if status is Status.SKIPPED else "",
        )
        folder = TrialFolder(self.root / key[:2] / key)
        if status is not Status.SKIPPED:
            folder.begin(_spec(view))
        if status is Status.OK:
            cost = Training(
                prepare_seconds=0.1,
                train_seconds=train_seconds,
                steps=10,
                passes=1000,
                energy_rows=500,
                gradient_rows=100,
                samples=250,
                peak_bytes=1,
            )
            numbers = tuple(Value(metric=name, value=value) for name, value in (values or {}).items())
            write_atomic(folder.file("TRAINED"), cost.model_dump_json())
            measured = Measurements(values=numbers, code={}, eval_seconds=0.1)
            write_atomic(folder.file("metrics.json"), measured.model_dump_json())
        if status not in (None, Status.SKIPPED):
            error = "" if status is Status.OK else "Boom"
            message = "it went wrong" if error else ""
            folder.finish(
                Attempt(status=status, error_type=error, message=message, started="2026-01-01", total_seconds=2.0)
            )
        self.trials.append(TrialResult(view, folder))
        return self.trials[-1]

    def lines(self, **select: str) -> dict[str, Line]:
        """The board by row."""
        views = tuple(trial.view for trial in self.trials)
        run = RunRecord(
            run_id="r", suite="s", plan_id="p", started="", full=True, select=select, metrics=(), trials=views
        )
        return {line.row: line for line in lines(run, self.trials)}


def _spec(view: TrialView) -> TrialSpec:
    return TrialSpec(
        method=MethodCell(
            name=view.method,
            target="m:M",
            owner="tests",
            strategy=view.strategy,
            kind=view.kind,
            summary="",
            params={},
        ),
        dataset=DatasetCell(name=view.dataset, target="d:D", owner="tests", params={}),
        data=DataRegime(),
        net=NetConfig(),
        budget=Budget(steps=10),
        seed=view.seed,
        device=DeviceProfile(),
        metrics=(),
        identity={"name": view.name, "point": view.point},
    )


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.FAILED, Status.DIVERGED, Status.TIMEOUT, Status.OOM, Status.CRASHED])
def test_a_failure_counts_as_minus_one(lab: Lab, status: Status) -> None:
    lab.trial("a", {"skill": 0.8}, seed=0)
    lab.trial("a", {"skill": 0.8}, seed=1)
    lab.trial("a", seed=2, status=status)
    line = lab.lines()["a"]
    assert line.failures == {status: 1}
    assert line.strata("skill", FAILED_SKILL) == [[0.8, 0.8, -1.0]]
    estimate = line.estimate("skill", FAILED_SKILL)
    assert estimate is not None
    assert estimate.value == pytest.approx((0.8 + 0.8 - 1) / 3)
    assert line.strata("kl") == []
    assert line.estimate("kl") is None


def test_a_skipped_trial_does_not_count(lab: Lab) -> None:
    lab.trial("a", {"skill": 0.8}, seed=0)
    lab.trial("a", seed=1, status=Status.SKIPPED)
    line = lab.lines()["a"]
    assert line.strata("skill", FAILED_SKILL) == [[0.8]]
    assert line.failures == {Status.SKIPPED: 1}
    assert len(line.trials) == 2


def test_a_trial_that_has_not_ended_is_not_there(lab: Lab) -> None:
    lab.trial("a", {"skill": 0.8}, seed=0)
    lab.trial("a", seed=1, status=None)
    lab.trial("b", status=None)
    board = lab.lines()
    assert list(board) == ["a"]
    assert len(board["a"].trials) == 1


def test_values_are_grouped_by_dataset(lab: Lab) -> None:
    for dataset, values in (("moons", (0.1, 0.2)), ("rings", (0.5, 0.7))):
        for seed, value in enumerate(values):
            lab.trial("a", {"skill": value}, dataset=dataset, seed=seed)
    line = lab.lines()["a"]
    assert line.strata("skill") == [[0.1, 0.2], [0.5, 0.7]]
    assert line.median("skill", "rings") == 0.6
    assert line.median("skill", "nowhere") is None


def test_costs_are_means_over_what_was_trained(lab: Lab) -> None:
    lab.trial("a", seed=0, train_seconds=1)
    lab.trial("a", seed=1, train_seconds=4)
    lab.trial("a", seed=2, status=Status.CRASHED)
    line = lab.lines()["a"]
    assert line.cost("train_seconds") == 2.5
    assert line.cost("passes") == 1000


def test_a_folder_that_was_tampered_with_is_not_finished(lab: Lab) -> None:
    lab.trial("a", {"skill": 0.1}, seed=0)
    forged = lab.trial("a", {"skill": 0.2}, seed=1)
    path = forged.folder.file("metrics.json")
    path.write_text(path.read_text().replace("0.2", "0.9"))
    assert lab.lines()["a"].strata("skill") == [[0.1]]


def test_lines_stand_in_the_order_of_the_strategies_with_the_references_last(lab: Lab) -> None:
    for row, strategy in (("z", Strategy.A2), ("o", Strategy.REFERENCE), ("y", Strategy.C3), ("x", Strategy.C1)):
        lab.trial(row, strategy=strategy)
    assert list(lab.lines()) == ["x", "y", "z", "o"]


def test_each_device_is_a_line_of_its_own_where_there_are_several(lab: Lab) -> None:
    lab.trial("a", {"skill": 0.1}, device="cpu")
    assert list(lab.lines()) == ["a"]
    lab.trial("a", {"skill": 0.2}, device="cuda")
    assert list(lab.lines()) == ["a @cpu", "a @cuda"]


# --- grids ------------------------------------------------------------------------------------------------------------


def grid(lab: Lab) -> None:
    """Point 1 is best on validation for moons, point 2 for rings; on the test metric it is the other way round."""
    for dataset, losses in (("moons", {"k=1": 1.0, "k=2": 2.0}), ("rings", {"k=1": 4.0, "k=2": 3.0})):
        for point, loss in losses.items():
            for seed in range(2):
                values = {"nll_validation": loss + seed, "skill": 0.1 * loss}
                lab.trial("a", values, dataset=dataset, seed=seed, point=point)


def test_a_grid_point_is_chosen_for_each_dataset_by_validation(lab: Lab) -> None:
    grid(lab)
    kept, note = choose(lab.trials, "nll_validation")
    assert [(t.view.dataset, t.view.point) for t in kept] == [("moons", "k=1")] * 2 + [("rings", "k=2")] * 2
    assert note == "moons: k=1; rings: k=2"


def test_a_chosen_grid_is_one_line(lab: Lab) -> None:
    grid(lab)
    line = lab.lines(a="nll_validation")["a"]
    assert line.chosen == "moons: k=1; rings: k=2"
    assert line.strata("skill") == [[pytest.approx(0.1)] * 2, [pytest.approx(0.3)] * 2]


def test_a_grid_without_a_choice_is_a_line_for_each_point(lab: Lab) -> None:
    grid(lab)
    assert list(lab.lines()) == ["a[k=1]", "a[k=2]"]


def test_the_mean_over_seeds_decides_and_not_the_best_seed(lab: Lab) -> None:
    for point, losses in (("k=1", (0.0, 9.0)), ("k=2", (4.0, 4.0))):
        for seed, loss in enumerate(losses):
            lab.trial("a", {"nll_validation": loss}, seed=seed, point=point)
    assert {t.view.point for t in choose(lab.trials, "nll_validation")[0]} == {"k=2"}


def test_a_failure_rules_a_grid_point_out(lab: Lab) -> None:
    lab.trial("a", {"nll_validation": -9.0}, seed=0, point="k=1")
    lab.trial("a", seed=1, point="k=1", status=Status.DIVERGED)
    lab.trial("a", {"nll_validation": 5.0}, seed=0, point="k=2")
    lab.trial("a", {"nll_validation": 5.0}, seed=1, point="k=2")
    assert {t.view.point for t in choose(lab.trials, "nll_validation")[0]} == {"k=2"}


# --- the ranking ------------------------------------------------------------------------------------------------------


def fill(lab: Lab, row: str, level: float, strategy: Strategy = Strategy.C1, device: str = "cpu") -> None:
    """Twenty trials of a row about a level of skill."""
    rng = np.random.default_rng(len(lab.trials))
    for dataset in ("moons", "rings"):
        for seed in range(10):
            value = level + float(rng.normal(0, 0.02))
            lab.trial(row, {"skill": value}, dataset=dataset, seed=seed, strategy=strategy, device=device)


def test_the_highest_skill_is_best_and_reference_rows_never_are(lab: Lab) -> None:
    fill(lab, "oracle", 0.99, Strategy.REFERENCE)
    fill(lab, "good", 0.7)
    fill(lab, "bad", 0.3)
    ranking = rank(list(lab.lines().values()))
    assert ranking.best == "good"
    assert ranking.ties == frozenset()


def test_what_cannot_be_told_from_the_best_is_a_tie(lab: Lab) -> None:
    for row, level in (("good", 0.7), ("twin", 0.7), ("bad", 0.3)):
        fill(lab, row, level)
    ranking = rank(list(lab.lines().values()))
    assert {ranking.best, *ranking.ties} == {"good", "twin"}


def test_failures_cost_the_first_place(lab: Lab) -> None:
    fill(lab, "steady", 0.6)
    for dataset in ("moons", "rings"):
        for seed in range(10):
            status = Status.DIVERGED if seed < 8 else Status.OK
            lab.trial("brilliant", {"skill": 0.95}, dataset=dataset, seed=seed, status=status)
    ranking = rank(list(lab.lines().values()))
    assert ranking.best == "steady"
    assert ranking.ties == frozenset()


def test_a_method_that_only_failed_is_ranked_and_one_that_was_skipped_is_not(lab: Lab) -> None:
    lab.trial("broken", status=Status.FAILED)
    lab.trial("absent", status=Status.SKIPPED)
    board = lab.lines()
    assert set(board) == {"broken", "absent"}
    assert rank(list(board.values())).best == "broken"
    assert rank([board["absent"]]).best is None


def test_a_board_of_references_has_no_best(lab: Lab) -> None:
    fill(lab, "oracle", 0.99, Strategy.REFERENCE)
    assert rank(list(lab.lines().values())).best is None
    assert rank([]).best is None


def test_lines_of_two_devices_are_compared_by_dataset_and_seed(lab: Lab) -> None:
    """The bad one on cuda is far below the good one on cpu: not a tie."""
    fill(lab, "good", 0.9)
    fill(lab, "bad", 0.1, device="cuda")
    ranking = rank(list(lab.lines().values()))
    assert ranking.best == "good @cpu"
    assert "bad @cuda" not in ranking.ties
