"""Surfaces on the page: what is read back is what was drawn, to the step of a byte; what has no room is named."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest

from ebmbench.report.page.energies import FILM_SIDE, STEP, encoded, gallery
from tests.factories import Lab, make_report, make_trial, make_view
from tests.report.page.boards import HALF, SIDE, bowl, hung_report


def decoded(blob: str, low: float) -> np.ndarray:
    """As the page's script reads it."""
    steps = np.frombuffer(zlib.decompress(base64.b64decode(blob)), np.uint8)
    side = round(len(steps) ** 0.5)
    return low + STEP * steps.reshape(side, side).astype(np.float64)


def test_an_energy_is_read_back_to_half_a_step() -> None:
    energy = bowl(0.5).reshape(SIDE, SIDE)
    found = decoded(encoded(energy, -1.0, SIDE), -1.0)
    assert np.abs(found - energy).max() <= STEP / 2


def test_what_lies_beyond_the_bytes_is_at_their_ends() -> None:
    energy = np.array([[-50.0, 0.0], [1e9, np.inf]])
    np.testing.assert_allclose(decoded(encoded(energy, -2.0, 2), -2.0), [[-2.0, 0.0], [-2 + 255 * STEP] * 2])
    assert decoded(encoded(np.full((2, 2), np.nan), 0.0, 2), 0.0).min() == 255 * STEP


def test_a_coarser_cell_has_the_mean_of_the_density() -> None:
    energy = np.array([[0.0, 4.0], [2.0, 6.0]])
    expected = -np.log(np.exp(-energy).mean())
    assert decoded(encoded(energy, 0.0, 1), 0.0)[0, 0] == pytest.approx(expected, abs=STEP / 2)
    assert abs(energy.mean() - expected) > 1, "the mean of the energies is another number"


def test_a_side_that_does_not_divide_the_lattice_takes_cells_of_it() -> None:
    energy = np.arange(9.0).reshape(3, 3)
    assert decoded(encoded(energy, 0.0, 2), 0.0).tolist() == [[0, 1], [3, 4]]
    assert decoded(encoded(energy, 0.0, 6), 0.0).shape == (6, 6)


def test_the_median_seed_comes_first_and_all_of_them_are_there(tmp_path: Path) -> None:
    report = hung_report(tmp_path)
    found = gallery(report)
    first = [still for still in found.stills if still.film]
    assert {(still.method, still.dataset) for still in first} == {(m, d) for m in range(8) for d in (0, 1)} - {
        (k, d) for k, method in enumerate(report.leaderboard.methods) if method.row == "broken" for d in (0, 1)
    }
    assert {still.seed for still in first} == {1}, "the seeds' numbers rise with them"
    assert len(found.stills) == 3 * len(first)
    assert found.left_out == ()
    assert [backdrop.box for backdrop in found.backdrops] == [(-HALF, -HALF, HALF, HALF)] * 2


def test_a_still_is_the_energy_of_its_trial_as_minus_log_q(tmp_path: Path) -> None:
    report = hung_report(tmp_path, methods=1, datasets=("moons",), seeds=1)
    found = gallery(report)
    still, backdrop = found.stills[0], found.backdrops[0]
    shown = decoded(found.blobs[still.blob], backdrop.low)
    c = 1.02
    density = np.exp(-bowl(c)) / (np.exp(-bowl(c)).sum() * (2 * HALF / SIDE) ** 2)
    outside = 0.0  # "mass_outside_beta" is not among the numbers
    expected = -np.log(density * (1 - outside)).reshape(SIDE, SIDE)
    block = found.side // SIDE
    middle = shown[block // 2 :: block, block // 2 :: block]
    inside = expected < backdrop.low + 254 * STEP
    np.testing.assert_allclose(middle[inside], expected.T[inside], atol=STEP)
    assert len(still.film) == len(still.passes) == 3
    assert still.passes == (100.0, 200.0, 400.0)
    assert decoded(found.blobs[still.film[0]], 0.0).shape == (FILM_SIDE, FILM_SIDE)


def test_what_there_is_no_room_for_is_named(tmp_path: Path) -> None:
    report = hung_report(tmp_path)
    found = gallery(report, cap=1)
    assert found.left_out == ("the milestones of some methods", "seeds other than that with the median")
    assert {still.film for still in found.stills} == {()}
    assert len(found.stills) == 14, "the median seed of each stays"


def test_without_surfaces_there_is_nothing() -> None:
    assert gallery(make_report([make_trial(make_view("m"), {"skill": 0.5})])).stills == ()


def test_a_damaged_surface_is_left_out(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    trial = lab.trial("m", {"skill": 0.5})
    trial.folder.file("surface.npz").write_bytes(b"nothing")
    assert gallery(lab.report()).stills == ()
