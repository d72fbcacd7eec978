"""A trial from its folder to its folder: run in this process, as a worker runs it in its own."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import Box
from ebmbench.contracts.method import Logs
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import Status
from ebmbench.contracts.surface import Surface
from ebmbench.parts.gradient import GradientStepper
from ebmbench.store.files import digest
from ebmbench.store.folders import MILESTONES, SNAPSHOT, TrialFolder
from ebmbench.store.records import Measurements
from ebmbench.training import worker
from ebmbench.training.checks import Diverged
from ebmbench.training.components import TrialComponents
from ebmbench.training.machine import machine_id
from ebmbench.training.models import load_model
from ebmbench.training.worker import ended_badly, limit_memory, main
from ebmbench_plugins.c2_chosen_points.nce import NCE
from tests.planned import planned_trial

STEPS = 40
METRICS = ["skill", "kl", "auroc"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    """The trial, planned."""
    return planned_trial(tmp_path_factory.mktemp("planned"), budget={"steps": STEPS}, metrics=METRICS)


@pytest.fixture(scope="module")
def done(template: TrialFolder, tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    """The trial, done; nobody may change it."""
    folder = copied(template, tmp_path_factory.mktemp("done"))
    assert work(folder) is Status.OK
    return folder


def copied(folder: TrialFolder, root: Path) -> TrialFolder:
    """The trial in another results folder."""
    path = root / "trials" / folder.path.parent.name / folder.path.name
    shutil.copytree(folder.path, path)
    return TrialFolder(path)


@pytest.fixture
def planned(template: TrialFolder, tmp_path: Path) -> TrialFolder:
    """The trial in a folder of the test's own."""
    return copied(template, tmp_path)


@pytest.fixture
def trained(done: TrialFolder, tmp_path: Path) -> TrialFolder:
    """The trial, done, in a folder of the test's own."""
    return copied(done, tmp_path)


def work(folder: TrialFolder, n_concurrent: int = 0) -> Status:
    return main(folder.path, folder.path.parents[2], None, n_concurrent)


def again(folder: TrialFolder) -> Status:
    """The trial is planned once more."""
    spec = folder.spec()
    assert spec is not None
    folder.begin(spec)
    return work(folder)


# --- a trial that goes well ------------------------------------------------------------------------------------------


@pytest.mark.long
def test_what_was_done_is_in_the_folder_and_sealed(done: TrialFolder) -> None:
    assert done.check() == (Status.OK, "")
    written = {"trial.json", "TRAINED", "model.pt", "metrics.json", "curve.jsonl", "samples.npz", "surface.npz"}
    assert written | {MILESTONES, "attempts.jsonl"} == set(json.loads(done.file("DONE").read_text())["files"])
    assert not done.file(SNAPSHOT).exists()
    (attempt,) = done.attempts()
    assert (attempt.status, attempt.error, attempt.machine_id) == (Status.OK, "", machine_id())
    assert attempt.total_seconds > 0


@pytest.mark.long
def test_what_training_cost_is_recorded(done: TrialFolder) -> None:
    """256 rows of data and four times as many of noise a step, forward and back."""
    training = done.training()
    assert training is not None
    assert (training.steps, training.samples, training.interrupted) == (STEPS, 256 * STEPS, 0)
    assert (training.energy_rows, training.gradient_rows) == (5 * 256 * STEPS, 0)
    assert 2.4 * 5 * 256 * STEPS < training.passes < 2.6 * 5 * 256 * STEPS
    spec = done.spec()
    assert spec is not None
    unit = TrialComponents.load(spec, done.path.parents[2]).unit
    assert training.passes == pytest.approx(training.flops / unit, rel=1e-3)
    assert training.train_seconds > 0
    assert training.sha256 == {name: digest(done.file(name)) for name in ("model.pt", MILESTONES)}


@pytest.mark.long
def test_the_metrics_are_those_that_were_asked_for(done: TrialFolder) -> None:
    measured = done.measurements()
    assert measured is not None
    assert {v.metric for v in measured.values} == set(METRICS)
    assert all(v.value is not None for v in measured.values if v.variant != "native")
    spec = done.spec()
    assert spec is not None
    assert measured.code == {cell.name: cell.code for cell in spec.metrics}


def test_the_curve_has_its_milestones_and_ends_with_the_final_values_at_the_last_step(done: TrialFolder) -> None:
    curve, measured, training = done.curve(), done.measurements(), done.training()
    assert measured is not None
    assert training is not None
    marks = [1, 2, 3, 5, 10, 20]  # the first steps at or after 2^-6 .. 2^-1 of forty
    assert sorted({point.step for point in curve}) == [*marks, STEPS]
    final = {(v.metric, v.variant): v.value for v in measured.values}
    last = {(p.metric, p.variant): p.value for p in curve if p.step == STEPS}
    assert set(last) == {("kl", "raw"), ("kl", "beta"), ("auroc", "")}
    assert last == {place: final[place] for place in last}
    assert {(p.passes, p.train_seconds) for p in curve if p.step == STEPS} == {
        (training.passes, training.train_seconds)
    }
    seconds = [point.train_seconds for point in curve]
    assert seconds == sorted(seconds)


def test_the_model_is_the_one_that_was_measured(done: TrialFolder) -> None:
    surface = load_model(done, done.path.parents[2])
    with np.load(done.file("surface.npz")) as pictures:
        stored, side, shift = pictures["energy"], int(pictures["lattice"][0]), pictures["shift"].tolist()
    spec = done.spec()
    assert spec is not None
    domain = TrialComponents.load(spec, done.path.parents[2]).dataset.domain
    assert isinstance(domain, Box)
    points = domain.support(side, shift).points
    with torch.no_grad():
        np.testing.assert_allclose(surface(points.float()).numpy(), stored, rtol=1e-4, atol=1e-4)


@pytest.mark.long
def test_the_same_trial_again_gives_the_same_numbers(done: TrialFolder, planned: TrialFolder) -> None:
    assert work(planned, n_concurrent=3) is Status.OK
    assert planned.file("model.pt").read_bytes() == done.file("model.pt").read_bytes()
    mine, theirs = planned.measurements(), done.measurements()
    assert mine is not None
    assert theirs is not None
    assert mine.values == theirs.values
    ours, others = planned.training(), done.training()
    assert ours is not None
    assert others is not None
    costs = ("passes", "flops", "operations", "energy_rows", "gradient_rows", "samples", "steps")
    assert [getattr(ours, name) for name in costs] == [getattr(others, name) for name in costs]
    assert planned.attempts()[0].n_concurrent == 3


# --- what is done is not done again ----------------------------------------------------------------------------------


def no_step(*_: object) -> Logs:
    raise AssertionError("nothing is to be trained")


def without(measured: Measurements | None, metric: str) -> Measurements:
    assert measured is not None
    values = tuple(value for value in measured.values if value.metric != metric)
    return measured.model_copy(
        update={"values": values, "code": {n: c for n, c in measured.code.items() if n != metric}}
    )


def test_only_the_metrics_that_are_missing_are_measured(trained: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model stays, and so do the numbers of the others, which nobody computes anew."""
    before, curve, model = trained.measurements(), trained.curve(), trained.file("model.pt").read_bytes()
    kept = without(before, "auroc")
    changed = [v.__class__(v.metric, v.variant, 7.0, v.note) if v.metric == "skill" else v for v in kept.values]
    trained.file("metrics.json").write_text(kept.model_copy(update={"values": tuple(changed)}).model_dump_json())
    monkeypatch.setattr(GradientStepper, "step", no_step)
    assert again(trained) is Status.OK
    assert trained.file("model.pt").read_bytes() == model
    found = trained.measurements()
    assert found is not None
    assert before is not None
    numbers = {(v.metric, v.variant): v.value for v in found.values}
    assert numbers.pop(("skill", "")) == 7.0
    expected = {(v.metric, v.variant): v.value for v in before.values if v.metric != "skill"}
    assert numbers == pytest.approx(expected)
    assert found.code == before.code
    assert sorted(map(repr, trained.curve())) == sorted(map(repr, curve))


def test_a_model_that_is_not_what_was_trained_is_trained_again(trained: TrialFolder) -> None:
    model = trained.file("model.pt").read_bytes()
    trained.file("model.pt").write_bytes(model[:-1])
    assert again(trained) is Status.OK
    assert trained.file("model.pt").read_bytes() == model
    assert len(trained.attempts()) == 2


# --- a trial that does not go well -----------------------------------------------------------------------------------


class BadSurface(Surface):
    """F(y) = a |y|^2, in whatever form its author thought of."""

    def __init__(self, form: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.form, self.a = form, torch.nn.Parameter(torch.ones(()))

    def forward(self, y: Tensor) -> Any:
        return self.form(self.a * y.square().sum(-1))


def built_as(monkeypatch: pytest.MonkeyPatch, form: Callable[[Tensor], Any]) -> None:
    def build(self: NCE, problem: Problem) -> Surface:
        return BadSurface(form)

    monkeypatch.setattr(NCE, "build", build)
    monkeypatch.setattr(NCE, "param_groups", lambda self, surface: [{"params": list(surface.parameters())}])


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (lambda e: e[:, None], "forward: expected the energies (256,) of 256 rows, as floats; got (256, 1) of float32"),
        (lambda e: e.long(), "forward: expected the energies (256,) of 256 rows, as floats; got (256,) of int64"),
        (lambda e: e.detach(), "forward: the energy varies with y, but autograd sees no gradient; is it detached?"),
    ],
)
def test_an_energy_of_a_wrong_form_fails_before_the_first_step(
    form: Callable[[Tensor], Any], says: str, planned: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_as(monkeypatch, form)
    monkeypatch.setattr(GradientStepper, "step", no_step)
    assert work(planned) is Status.FAILED
    (attempt,) = planned.attempts()
    assert (attempt.error_type, attempt.message) == ("UsageError", says)
    assert planned.status() is Status.FAILED
    assert planned.training() is None


def test_a_surface_that_hangs_on_the_data_fails_before_the_first_step(
    planned: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stored model is rebuilt without them: that would be known only when all is trained."""
    real = NCE.build

    def build(self: NCE, problem: Problem) -> Surface:
        surface = real(self, problem)
        surface.register_buffer("seen", torch.zeros(3 + int(problem.cov.ne(torch.eye(2)).any())))
        return surface

    monkeypatch.setattr(NCE, "build", build)
    monkeypatch.setattr(GradientStepper, "step", no_step)
    assert work(planned) is Status.FAILED
    message = planned.attempts()[0].message
    assert message.startswith("build: the surface hangs on the data: built again from shapes alone")
    assert "size mismatch for seen" in message


def test_a_plugins_mistake_is_told_in_words(planned: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(NCE, "loss")
    assert work(planned) is Status.FAILED
    (attempt,) = planned.attempts()
    assert attempt.error_type == "NotImplementedError"
    assert attempt.message.startswith("NCE has no loss(surface, batch, rng): a method writes build, and loss")


@pytest.mark.long
def test_bits_are_judged_before_the_first_step_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = planned_trial(tmp_path, datasets=[{"name": "boltzmann", "units": 4}], methods=["mpf"], metrics=["kl"])
    spec = folder.spec()
    assert spec is not None
    method = TrialComponents.load(spec, tmp_path).method
    for form, status in ((lambda e: e[:, None], Status.FAILED), (lambda e: e.detach() + 0 * e, Status.OK)):
        monkeypatch.setattr(type(method), "build", lambda self, problem, form=form: BadSurface(form))
        folder.forget()
        assert work(folder) is status
    assert "expected the energies" in folder.attempts()[0].message


def test_divergence_keeps_the_curve_up_to_where_it_was(planned: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    real, taken = GradientStepper.step, 0

    def step(self: GradientStepper, batch: Batch, rng: torch.Generator, fraction: float) -> Logs:
        nonlocal taken
        taken += 1
        logs = real(self, batch, rng, fraction)
        return {"loss": torch.tensor(float("nan"))} if taken > 12 else logs

    monkeypatch.setattr(GradientStepper, "step", step)
    assert work(planned) is Status.DIVERGED
    (attempt,) = planned.attempts()
    assert (attempt.error_type, attempt.message) == ("Diverged", "loss is nan at step 20")
    assert sorted({point.step for point in planned.curve()}) == [1, 2, 3, 5, 10]
    assert planned.training() is None
    assert not planned.file("model.pt").exists()


@pytest.mark.long
def test_an_energy_that_explodes_in_the_last_steps_is_divergence(
    planned: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No milestone looks after half of the budget: test points are looked at in the end."""
    real = GradientStepper.eval_surface

    def exploded(self: GradientStepper) -> Surface:
        surface = real(self)
        if self.taken == STEPS:
            torch.nn.init.constant_(surface.get_parameter("log_z"), 1e9)
        return surface

    monkeypatch.setattr(GradientStepper, "eval_surface", exploded)
    assert work(planned) is Status.DIVERGED
    assert "the energy of a data point is 1e+09" in planned.attempts()[0].message


RAISED: list[tuple[BaseException, Status, str]] = [
    (ValueError("no\x1b[31m good"), Status.FAILED, "ValueError: no\N{REPLACEMENT CHARACTER}[31m good"),
    (SystemExit(3), Status.FAILED, "SystemExit: 3"),
    (MemoryError(), Status.OOM, "MemoryError: MemoryError"),
    (torch.OutOfMemoryError("CUDA out of memory"), Status.OOM, "OutOfMemoryError: CUDA out of memory"),
    (
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        Status.OOM,
        "RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes",
    ),
    (Diverged("far"), Status.DIVERGED, "Diverged: far"),
]


@pytest.mark.parametrize(("error", "status", "says"), RAISED, ids=lambda value: type(value).__name__)
def test_whatever_a_plugin_raises_is_the_outcome_of_its_trial(
    error: BaseException, status: Status, says: str, planned: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> Logs:
        raise error

    monkeypatch.setattr(GradientStepper, "step", explode)
    assert ended_badly(error) is status
    assert work(planned) is status
    (attempt,) = planned.attempts()
    assert (attempt.status, attempt.error) == (status, says)
    assert planned.status() is status


def test_an_interrupt_is_nobodys_outcome(planned: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes through, and the trial has not ended."""

    def interrupted(*_: object) -> Logs:
        raise KeyboardInterrupt

    monkeypatch.setattr(GradientStepper, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        work(planned)
    assert planned.attempts() == []
    assert planned.status() is None


def test_a_method_that_cannot_work_on_the_data_says_why(planned: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NCE, "supports", lambda self, problem: "the moon is not full")
    assert work(planned) is Status.FAILED
    assert planned.attempts()[0].error == "UsageError: nce: the moon is not full"


@pytest.mark.parametrize("content", [None, "", "{}", '{"method": 3}'])
def test_a_folder_without_a_trial_fails_in_one_sentence(content: str | None, tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path / "trials" / "ab" / "abc")
    folder.path.mkdir(parents=True)
    if content is not None:
        folder.file("trial.json").write_text(content)
    assert work(folder) is Status.FAILED
    assert folder.attempts()[0].message == f"{folder.path}: trial.json is missing or not readable"


# --- code that changed under the run ---------------------------------------------------------------------------------


def test_code_that_is_not_what_was_planned_is_not_run(planned: TrialFolder) -> None:
    spec = planned.spec()
    assert spec is not None
    code = json.loads(json.dumps(spec.identity["code"]).replace("ebmbench.parts.noise", "ebmbench.parts.quiet"))
    assert code != spec.identity["code"]
    planned.begin(spec.model_copy(update={"identity": {**spec.identity, "code": code}}))
    assert work(planned) is Status.FAILED
    (attempt,) = planned.attempts()
    assert attempt.outdated
    assert "since the trial was planned: " in attempt.message
    assert attempt.message.endswith("run the suite again")
    assert planned.training() is None


def test_a_metric_whose_code_changed_is_refused_and_spoils_no_other(planned: TrialFolder) -> None:
    spec = planned.spec()
    assert spec is not None
    metrics = [cell.model_copy(update={"code": "0" * 64}) if cell.name == "auroc" else cell for cell in spec.metrics]
    planned.begin(spec.model_copy(update={"metrics": tuple(metrics)}))
    assert work(planned) is Status.OK
    measured = planned.measurements()
    assert measured is not None
    (refused,) = (v for v in measured.values if v.metric == "auroc")
    assert refused.value is None
    assert refused.note.startswith("error: CodeChanged: since the trial was planned: metric auroc changed")
    assert measured.code["auroc"] == ""
    assert all(v.value is not None for v in measured.values if v.metric in ("kl", "skill"))


# --- memory ----------------------------------------------------------------------------------------------------------


def test_the_cap_is_beyond_what_the_process_holds_and_on_the_cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    caps: list[tuple[int, int]] = []
    monkeypatch.setattr(worker, "sys", SimpleNamespace(platform="linux"))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, cap: caps.append(cap))
    monkeypatch.setattr(Path, "read_text", lambda self: "900 800 700 600 0 50 0")
    limit_memory(10**9, "cuda")
    assert caps == []
    limit_memory(10**9, "cpu")
    assert caps == [(10**9 + 50 * resource.getpagesize(), resource.RLIM_INFINITY)]
    monkeypatch.setattr(worker, "sys", SimpleNamespace(platform="darwin"))
    limit_memory(10**9, "cpu")
    assert len(caps) == 1


def test_a_cap_that_the_system_refuses_is_left_to_the_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(kind: int, cap: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refused)
    limit_memory(10**9, "cpu")
