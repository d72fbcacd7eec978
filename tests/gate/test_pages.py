"""The page of a pair: both sides' trials beside each other."""

from __future__ import annotations

from pathlib import Path

from ebmbench.gate.pages import write
from tests.factories import Lab, make_run


def test_each_side_is_a_row(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "results")
    trials = {
        side: [lab.trial(row, {"kl": kl, "skill": 1 - kl}, dataset="moons") for row in ("nce", "gmm")]
        for side, kl in (("base", 0.1), ("head", 0.2))
    }
    runs = {side: make_run(trial.view for trial in made) for side, made in trials.items()}
    wanted = {trials["base"][0].view.name}
    assert wanted == {trials["head"][0].view.name}, "one name, two trials"
    file = tmp_path / "report.html"
    write(lab.root, runs["base"], runs["head"], wanted, file)
    text = file.read_text()
    assert "nce-base" in text
    assert "nce-head" in text
    assert "gmm-" not in text
    assert not (lab.root / "toy-gate").exists(), "no run of that name is made"
