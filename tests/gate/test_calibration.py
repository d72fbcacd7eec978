"""What equal code has looked like on this machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ebmbench.gate.calibration import Calibration, Null, keep

RATIOS = [0.01, -0.02, 0.005, 0.0, -0.03]


def nulls(method: str, ratios: list[float], machine: str = "here") -> list[Null]:
    return [Null(machine, method, ratio, 12) for ratio in ratios]


def test_the_threshold_is_the_third_quartile_and_three_ranges() -> None:
    found = Calibration(tuple(nulls("nce", RATIOS)))
    first, third = np.percentile([0.01, 0.02, 0.005, 0.0, 0.03], [25, 75])
    assert found.threshold("nce") == pytest.approx(third + 3 * (third - first))


def test_a_method_with_little_of_its_own_has_that_of_all() -> None:
    quiet = nulls("gmm", [0.001, -0.001, 0.002, 0.0, 0.001])
    found = Calibration((*nulls("nce", RATIOS), *quiet, *nulls("dsm", [0.5])))
    assert found.threshold("gmm") < 0.01 < found.threshold("nce")
    assert found.threshold("dsm") == found.threshold("never seen") == pytest.approx(found.threshold("dae"))


def test_too_little_says_nothing() -> None:
    found = Calibration(tuple(nulls("nce", [0.5] * 4)))
    assert not found.known
    assert found.threshold("nce") == 0


def test_other_machines_and_broken_lines_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "gate" / "calibration.jsonl"
    assert not Calibration.read(file, "here").known
    keep(file, [*nulls("nce", RATIOS), *nulls("nce", [0.9], "elsewhere")])
    with file.open("a") as more:
        more.write('{"machine": "here"}\nnonsense\n[1]\n')
    keep(file, nulls("gmm", [0.1]))
    found = Calibration.read(file, "here")
    assert [null.ratio for null in found.found] == [*RATIOS, 0.1]
