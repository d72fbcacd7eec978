"""What is stored of a surface, as it is drawn: at the fitted temperature, over all of the space, upright."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ebmbench.contracts.records import EnergyKind, Status
from ebmbench.report.pictures import read_picture
from ebmbench.store.records import Point
from ebmbench.store.runs import TrialResult
from tests.factories import Lab

SIDE = 12
CELL = (6 / SIDE) ** 2
BOX = np.array([[-3.0, -3.0], [3.0, 3.0]])
NOTHING = np.array([])


def lattice(side: int = SIDE) -> np.ndarray:
    """A bowl about (1, 0) on the square of half width 3: cells by cells, flat, the second coordinate fastest."""
    axis = (np.arange(side) + 0.5) / side * 6 - 3
    x, y = np.meshgrid(axis, axis, indexing="ij")
    return np.asarray((x - 1) ** 2 / 2 + y**2 / 2, dtype=np.float64).ravel()


def normalized(energy: np.ndarray) -> np.ndarray:
    """-log q of an energy on that lattice."""
    return np.asarray(energy + np.log(np.exp(-energy).sum() * CELL))


def stored(
    lab: Lab,
    kind: EnergyKind = EnergyKind.DENSITY,
    numbers: dict[str, float] | None = None,
    passes: tuple[int, ...] = (),
    **arrays: np.ndarray,
) -> TrialResult:
    """A trial whose surface is these arrays; an empty one is left out."""
    trial = lab.trial("nce", numbers, kind=kind)
    base = {
        "energy": lattice().astype(np.float32),
        "iso_log_density": np.full(SIDE**2, -7.0),
        "lattice": np.array([SIDE, SIDE]),
        "log_p": -normalized(lattice()),
    }
    kept = {name: array for name, array in {**base, **arrays}.items() if array.size}
    np.savez(trial.folder.file("surface.npz"), allow_pickle=False, **kept)
    if passes:
        points = [Point(p // 10, p, 0.1, metric, "beta", 1.0) for p in passes for metric in ("kl", "nll")]
        trial.folder.file("curve.jsonl").write_text("".join(point.as_json() + "\n" for point in points))
    trial.folder.seal(Status.OK)
    return TrialResult(trial.view, trial.folder)


@pytest.mark.parametrize("constant", [0.0, 5.0, -300.0])
def test_an_energy_is_shown_as_minus_log_q_whatever_its_constant(tmp_path: Path, constant: float) -> None:
    picture = read_picture(stored(Lab(tmp_path), energy=lattice() + constant))
    assert picture is not None
    assert picture.truth is not None
    np.testing.assert_allclose(picture.energy, normalized(lattice()).reshape(SIDE, SIDE).T, atol=1e-6)
    np.testing.assert_allclose(picture.energy, picture.truth, atol=1e-6)
    assert np.exp(-picture.energy).sum() * CELL == pytest.approx(1)
    row, column = np.unravel_index(np.argmin(picture.energy), (SIDE, SIDE))
    assert int(row) in (5, 6)
    assert int(column) == 7, "the first coordinate runs to the right"


def test_a_ranking_energy_and_a_density_that_are_the_same_up_to_temperature_are_one_picture(tmp_path: Path) -> None:
    """Where the ranking one was drawn by its isotonic fit, the two looked different."""
    density = read_picture(stored(Lab(tmp_path / "density"), numbers={"beta": 1.0}))
    ranking = read_picture(
        stored(Lab(tmp_path / "ranking"), EnergyKind.RANKING, {"beta": 1 / 7}, energy=7 * lattice() + 3)
    )
    assert density is not None
    assert ranking is not None
    np.testing.assert_allclose(ranking.energy, density.energy, atol=1e-5)
    assert [density.beta, ranking.beta] == pytest.approx([1, 1 / 7])
    by_order = np.full((SIDE, SIDE), 7.0)
    assert np.abs(ranking.energy - by_order).max() > 1, "the wrong twin: what the isotonic fit says"


@pytest.mark.parametrize("kind", [EnergyKind.DENSITY, EnergyKind.RANKING])
def test_a_fitted_temperature_counts_for_every_kind(tmp_path: Path, kind: EnergyKind) -> None:
    picture = read_picture(stored(Lab(tmp_path), kind, {"beta": 2.5}))
    assert picture is not None
    np.testing.assert_allclose(picture.energy, normalized(2.5 * lattice()).reshape(SIDE, SIDE).T, atol=1e-6)


def test_mass_outside_raises_the_energy_everywhere(tmp_path: Path) -> None:
    inside = read_picture(stored(Lab(tmp_path / "inside")))
    leaking = read_picture(stored(Lab(tmp_path / "leaking"), numbers={"mass_outside_beta": 0.2}))
    assert inside is not None
    assert leaking is not None
    np.testing.assert_allclose(leaking.energy - inside.energy, -np.log(0.8))
    assert np.exp(-leaking.energy).sum() * CELL == pytest.approx(0.8)


def test_the_corners_give_the_same_picture_as_the_truth(tmp_path: Path) -> None:
    """Older files do not say where their lattice lies, but know that the truth integrates to one."""
    old = read_picture(stored(Lab(tmp_path / "old")))
    new = read_picture(stored(Lab(tmp_path / "new"), box=BOX))
    assert old is not None
    assert new is not None
    np.testing.assert_allclose(old.energy, new.energy, atol=1e-6)
    assert new.box is not None
    np.testing.assert_array_equal(new.box, BOX)
    assert old.box is None


def test_where_the_truth_is_not_known_test_points_stand_in_its_place(tmp_path: Path) -> None:
    data = np.array([[-2.75, 2.75], [0.0, 0.0]])
    picture = read_picture(stored(Lab(tmp_path), log_p=NOTHING, box=BOX, data=data))
    assert picture is not None
    assert picture.truth is None
    np.testing.assert_array_equal(picture.data, data)
    np.testing.assert_allclose(picture.energy, normalized(lattice()).reshape(SIDE, SIDE).T, atol=1e-6)
    assert picture.low == picture.energy.min()


def test_a_film_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    frames = np.stack([lattice(4) * c for c in (0.5, 1.0)])
    trial = stored(Lab(tmp_path), numbers={"beta": 2.0}, passes=(100, 200, 400), box=BOX, milestones=frames)
    plain, picture = read_picture(trial), read_picture(trial, film=True)
    assert plain is not None
    assert plain.film is None
    assert picture is not None
    assert picture.film is not None
    assert list(picture.film.passes) == [100, 200], "the end is no milestone"
    assert picture.film.frames.shape == (2, 4, 4)
    np.testing.assert_allclose(np.exp(-picture.film.frames).sum((1, 2)) * (6 / 4) ** 2, 1)
    spread = picture.film.frames[1] - picture.film.frames[1].min()
    np.testing.assert_allclose(spread, (2 * lattice(4) - 2 * lattice(4).min()).reshape(4, 4).T, atol=1e-6)


def test_milestones_that_the_curve_does_not_know_are_no_film(tmp_path: Path) -> None:
    trial = stored(Lab(tmp_path), passes=(100,), milestones=np.stack([lattice(4)] * 2))
    picture = read_picture(trial, film=True)
    assert picture is not None
    assert picture.film is None


def test_a_line_or_a_cube_is_no_picture(tmp_path: Path) -> None:
    assert read_picture(stored(Lab(tmp_path), lattice=np.array([SIDE**2]))) is None
    assert read_picture(Lab(tmp_path / "none").trial()) is None


def test_what_was_damaged_is_said_and_not_drawn(tmp_path: Path) -> None:
    trial, told = stored(Lab(tmp_path)), list[str]()
    content = bytearray(trial.folder.file("surface.npz").read_bytes())
    content[len(content) // 2] ^= 1
    trial.folder.file("surface.npz").write_bytes(content)
    assert read_picture(trial, told.append) is None
    assert len(told) == 1
    assert told[0].startswith(f"{trial.view.name}: ")
    assert "not what was written" in told[0]


@pytest.mark.parametrize("lost", ["energy", "lattice"])
def test_what_holds_other_arrays_is_not_drawn(tmp_path: Path, lost: str) -> None:
    without: dict[str, Any] = {lost: NOTHING}
    assert read_picture(stored(Lab(tmp_path), **without)) is None


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x93NUMPY"])
def test_a_file_that_is_no_archive_is_not_drawn(tmp_path: Path, content: bytes) -> None:
    trial = Lab(tmp_path).trial()
    trial.folder.file("surface.npz").write_bytes(content)
    trial.folder.seal(Status.OK)
    assert read_picture(trial) is None
