"""What the trials of a template share is worked out once, and gives the keys that working it out each time would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ebmbench.contracts.records import EnergyKind, Record, Strategy
from ebmbench.identity.canonical import canonical, sha256
from ebmbench.identity.keys import Component, key_of, trial_identity
from ebmbench.metrics.tracks import PLANE
from ebmbench.planning import templates
from ebmbench.planning.plan import TrialState
from ebmbench.planning.templates import TrialTemplate
from ebmbench.suite.schema import DeviceProfile
from tests.factories import make_cells
from tests.planned import plan_of
from tests.plans import METHOD_PLUGIN, Plans, edited

SUITE: dict[str, Any] = {
    "name": "tiny",
    "datasets": ["8gaussians", {"name": "pink_spiral", "grid": {"sigma": [0.05, 0.1]}}],
    "methods": ["nce", {"name": "gmm", "label": "mix", "grid": {"components": [2, 3]}}],
    "budget": {"steps": 5},
    "seeds": [0, 7, 10, 1234567],
    "devices": ["cpu", {"device": "cpu", "threads": 2}],
    "metrics": ["skill"],
}


def test_a_key_is_the_hash_of_the_whole_identity(tmp_path: Path) -> None:
    """Made of parts, it is byte for byte that of the straightforward computation."""
    trials = plan_of(tmp_path, SUITE).trials
    assert len({trial.view.key for trial in trials}) == len(trials) == 3 * 4 * 2 * 3
    for trial in trials:
        assert trial.view.key == trial.spec.key == sha256(canonical(trial.spec.identity))[:16]
        assert trial.spec.identity["seed"] == trial.view.seed


def test_the_seed_comes_last_in_a_canonical_identity(tmp_path: Path) -> None:
    """Else the part that is hashed once would hold it."""
    identity = plan_of(tmp_path, SUITE).trials[0].spec.identity
    assert max(identity) == "seed"
    assert canonical(identity).endswith(',"seed":0}')


@pytest.mark.long
def test_an_identity_is_made_once_a_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def ask(method: Component, dataset: Component, settings: Mapping[str, Record]) -> dict[str, Any]:
        asked.append((method.target, dataset.target))
        return trial_identity(method, dataset, settings)

    monkeypatch.setattr(templates, "trial_identity", ask)
    counts = {}
    for seeds in (1, 50):
        asked.clear()
        assert len(plan_of(tmp_path, {**SUITE, "seeds": seeds}).trials) == 18 * seeds
        counts[seeds] = len(asked)
    assert counts == {1: 18, 50: 18}


@pytest.mark.long
def test_no_spec_is_made_for_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "TrialSpec", None)
    made = plan_of(tmp_path, SUITE)
    assert {trial.state for trial in made.trials} == {TrialState.TO_RUN}
    with pytest.raises(TypeError):
        made.trials[0].spec  # noqa: B018 - the wrong twin: a spec that is asked for is made


# --- one template -----------------------------------------------------------------------------------------------------


def template_of(root: Path, seed: int = 0, **changed: Any) -> TrialTemplate:
    """Of the first trial of a suite."""
    return plan_of(root, {**SUITE, "seeds": [seed], **changed}).trials[0].template


def test_what_the_spec_says_is_what_the_identity_hashes(tmp_path: Path) -> None:
    spec = template_of(tmp_path, budget={"passes": 700}, net={"width": 32}, data={"train": 50}).spec(9)
    settings = {"data": spec.data, "net": spec.net, "budget": spec.budget, "device": spec.device}
    method = Component(spec.method.target, spec.method.params, spec.method.kind)
    dataset = Component(spec.dataset.target, spec.dataset.params)
    assert spec.identity == {**trial_identity(method, dataset, settings), "seed": 9}
    assert (spec.budget.passes, spec.net.width, spec.data.train, spec.seed) == (700, 32, 50, 9)
    assert spec.key == key_of(spec.identity)


def test_how_it_is_judged_is_in_the_spec_and_in_no_key(tmp_path: Path) -> None:
    made = template_of(tmp_path)
    other = TrialTemplate(
        made.suite, made.method, made.dataset, made.device, make_cells(["kl", "tv"]), PLANE, made.protocol, ""
    )
    assert other.key(3) == made.key(3)
    assert [cell.name for cell in other.spec(3).metrics] == ["kl", "tv"]
    assert other.spec(3).track == PLANE


def test_another_device_is_another_key_and_another_name(tmp_path: Path) -> None:
    made = template_of(tmp_path)
    judged = (made.metrics, made.track, made.protocol)
    other = TrialTemplate(made.suite, made.method, made.dataset, DeviceProfile(threads=3), *judged, "")
    assert (made.name(5), other.name(5)) == ("nce/8gaussians/5/cpu", "nce/8gaussians/5/cpu-3t")
    assert other.key(5) != made.key(5)


def test_a_view_is_the_place_of_a_trial_in_its_suite(tmp_path: Path) -> None:
    method = {"name": "gmm", "label": "mix", "grid": {"components": [2]}}
    dataset = {"name": "pink_spiral", "label": "spiral", "grid": {"sigma": [0.05]}}
    view = template_of(tmp_path, methods=[method], datasets=[dataset]).view(4)
    assert view.name == "gmm[mix,components=2]/spiral[sigma=0.05]/4/cpu"
    assert (view.row, view.grid_point, view.method) == ("mix", "components=2", "gmm")
    assert (view.dataset, view.seed, view.device, view.track) == ("spiral[sigma=0.05]", 4, "cpu", "plane")
    assert (view.strategy, view.kind, view.skipped) == (Strategy.A1, EnergyKind.NORMALIZED, "")


def test_a_device_that_is_not_there_is_the_first_obstacle(tmp_path: Path) -> None:
    """Nothing is built for its sake."""
    made = template_of(tmp_path)
    judged = (made.metrics, made.track, made.protocol)
    away = TrialTemplate(made.suite, made.method, made.dataset, made.device, *judged, "no such device")
    assert away.view(0).skipped == "no such device"
    assert away.key(0) == made.key(0)


@pytest.mark.long
@pytest.mark.parametrize(
    ("dataset", "method", "obstacle"),
    [
        ("boltzmann", "nsf", "works on continuous data only"),
        ("8gaussians", "mpf", "works on binary data only"),
        ("8gaussians", "nce", ""),
    ],
)
def test_what_a_method_does_not_work_on_is_said(tmp_path: Path, dataset: str, method: str, obstacle: str) -> None:
    assert template_of(tmp_path, datasets=[dataset], methods=[method]).view(0).skipped == obstacle


def test_an_obstacle_that_is_no_sentence_is_made_one(plan: Plans, single_files: Path) -> None:
    """It is shown in tables: one line, of a bounded length, of printable characters."""
    said = "'not \\x1b[31mred\\n' + 500 * 'x'"
    (single_files / "mine.py").write_text(METHOD_PLUGIN.replace("SUPPORTS", f"return {said}"))
    made = plan(edited("- nce", "- mine"), plugins=(str(single_files / "mine.py"),), keyword="mine", seeds=1)
    skipped = made.trials[0].view.skipped
    assert skipped.startswith("not \N{REPLACEMENT CHARACTER}[31mred xxx")
    assert skipped.isprintable()
    assert len(skipped) <= 380
