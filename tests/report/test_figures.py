"""The figure of a run: every method beside the truth once, in blocks that a page has room for; and what is drawn."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ebmbench.contracts.records import EnergyKind, Status
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import UsageError
from ebmbench.metrics.tracks import BINARY, PLANE
from ebmbench.report import figures
from ebmbench.report.figures import Picture, draw_dataset, draw_surfaces, draw_trial, png, read_picture, surfaces
from ebmbench.store.records import Point
from ebmbench.store.runs import TrialResult
from tests.factories import Lab, make_report, make_trial, make_view

PNG = b"\x89PNG\r\n\x1a\n"
SKILL = {"skill": 0.5}


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every trial has one: its energy is the number in its row's name."""
    monkeypatch.setattr(
        figures,
        "read_picture",
        lambda trial, warn: Picture(np.full((4, 4), float(trial.view.row[1:])), np.zeros((4, 4)), "-log q"),
    )


@pytest.mark.long
@pytest.mark.parametrize("methods", [1, 16, 17, 45])
@pytest.mark.usefixtures("pictures")
def test_each_method_stands_once_beside_the_truth(methods: int) -> None:
    names = [f"m{k / methods}" for k in range(methods)]
    trials = [make_trial(make_view(name, dataset=d), SKILL) for d in ("moons", "rings") for name in names]
    figure = draw_surfaces(make_report(trials))
    assert figure is not None
    blocks = math.ceil(methods / 16)
    titles = [axes.get_title().partition("\n")[0] for axes in figure.axes]
    assert [title for title in titles if title and title != "truth"] == names
    assert titles.count("truth") == blocks
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["moons", "rings"] * blocks
    columns = {axes.get_subplotspec().colspan.start for axes in figure.axes}  # type: ignore[union-attr]
    assert len(columns) <= 17
    shown = [axes.images[0].get_array().mean() for axes in figure.axes if axes.get_title().startswith("m")]  # type: ignore[union-attr]
    assert shown == pytest.approx([k / methods for k in range(methods)]), "each under its own name"


@pytest.mark.usefixtures("pictures")
def test_data_that_are_not_drawn_have_no_row() -> None:
    places = {"moons": "plane", "ising": "binary"}
    figure = draw_surfaces(
        make_report(make_trial(make_view("m1", dataset=d, track=t), SKILL) for d, t in places.items())
    )
    assert figure is not None
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["moons"]


@pytest.mark.usefixtures("pictures")
def test_what_failed_is_an_empty_panel_that_says_so() -> None:
    trials = [make_trial(make_view("m1"), SKILL), make_trial(make_view("m2"), status=Status.FAILED)]
    figure = draw_surfaces(make_report(trials))
    assert figure is not None
    panels = {axes.get_title().partition("\n")[0]: axes for axes in figure.axes}
    assert [text.get_text() for text in panels["m2"].texts] == ["no result"]
    assert len(panels["m2"].images) == 0
    assert len(panels["m1"].images) == 1


def test_without_any_picture_there_is_no_figure() -> None:
    assert surfaces(make_report([make_trial(make_view("nce"), {"skill": 0.5})])) is None


# --- what is stored --------------------------------------------------------------------------------------------------

SIDE = 12


def lattice() -> np.ndarray:
    """A bowl on the square of half width 3: cells by cells, flat."""
    axis = (np.arange(SIDE) + 0.5) / SIDE * 6 - 3
    x, y = np.meshgrid(axis, axis, indexing="ij")
    return np.asarray((x - 1) ** 2 / 2 + y**2 / 2, dtype=np.float64).ravel()


def normalized(energy: np.ndarray) -> np.ndarray:
    """-log q of an energy on that lattice."""
    return np.asarray(energy + np.log(np.exp(-energy).sum() * (6 / SIDE) ** 2))


def stored(lab: Lab, kind: EnergyKind = EnergyKind.DENSITY, curve: bool = False, **arrays: np.ndarray) -> TrialResult:
    """A trial whose surface is these arrays."""
    trial = lab.trial("nce", SKILL, kind=kind)
    base = {
        "energy": lattice().astype(np.float32),
        "iso_log_density": -lattice(),
        "lattice": np.array([SIDE, SIDE]),
        "log_p": -normalized(lattice()),
    }
    kept = {name: array for name, array in {**base, **arrays}.items() if array.size}
    np.savez(trial.folder.file("surface.npz"), allow_pickle=False, **kept)
    if curve:
        points = [Point(s, 10 * s, 0.1, "kl", "raw", 1 / s) for s in (1, 2, 4)]
        trial.folder.file("curve.jsonl").write_text("".join(point.as_json() + "\n" for point in points))
    trial.folder.seal(Status.OK)
    return TrialResult(trial.view, trial.folder)


NOTHING = np.array([])


@pytest.mark.parametrize("constant", [0.0, 5.0, -300.0])
def test_an_energy_is_shown_as_minus_log_q_whatever_its_constant(tmp_path: Path, constant: float) -> None:
    picture = read_picture(stored(Lab(tmp_path), energy=lattice() + constant))
    assert picture is not None
    assert picture.truth is not None
    np.testing.assert_allclose(picture.energy, normalized(lattice()).reshape(SIDE, SIDE).T, atol=1e-6)
    np.testing.assert_allclose(picture.energy, picture.truth, atol=1e-6)
    assert np.exp(-picture.energy).sum() * (6 / SIDE) ** 2 == pytest.approx(1)
    row, column = np.unravel_index(np.argmin(picture.energy), (SIDE, SIDE))
    assert int(row) in (5, 6)
    assert int(column) == 7, "the first coordinate runs to the right"


def test_a_ranking_energy_is_shown_by_its_order(tmp_path: Path) -> None:
    picture = read_picture(stored(Lab(tmp_path), EnergyKind.RANKING, energy=7 * lattice()))
    assert picture is not None
    np.testing.assert_allclose(picture.energy, lattice().reshape(SIDE, SIDE).T)
    assert picture.calibration == "iso"


def test_where_the_truth_is_not_known_test_points_stand_in_its_place(tmp_path: Path) -> None:
    """In units of cells: the middle of the first cell is 0."""
    box = np.array([[-3.0, -3.0], [3.0, 3.0]])
    data = np.array([[-3.0 + 3 / SIDE, 3.0 - 3 / SIDE], [0.0, 0.0]])
    picture = read_picture(stored(Lab(tmp_path), log_p=NOTHING, box=box, data=data))
    assert picture is not None
    assert picture.truth is None
    assert picture.data is not None
    np.testing.assert_allclose(picture.data, np.array([[0, SIDE - 1], [SIDE / 2 - 0.5] * 2]))
    np.testing.assert_allclose(picture.energy, normalized(lattice()).reshape(SIDE, SIDE).T, atol=1e-6)
    assert picture.low == picture.energy.min()


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


@pytest.mark.parametrize("lost", ["energy", "iso_log_density", "lattice"])
def test_what_holds_other_arrays_is_not_drawn(tmp_path: Path, lost: str) -> None:
    without: dict[str, Any] = {lost: NOTHING}
    assert read_picture(stored(Lab(tmp_path), **without)) is None


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x93NUMPY"])
def test_a_file_that_is_no_archive_is_not_drawn(tmp_path: Path, content: bytes) -> None:
    trial = Lab(tmp_path).trial()
    trial.folder.file("surface.npz").write_bytes(content)
    trial.folder.seal(Status.OK)
    assert read_picture(trial) is None


@pytest.mark.long
def test_the_figure_of_a_run_shows_what_is_stored_and_is_the_same_every_time(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    stored(lab)
    first = surfaces(lab.report())
    assert first is not None
    assert first.startswith(PNG)
    figure = draw_surfaces(lab.report())
    assert figure is not None
    assert first == png(figure)


# --- one trial, one dataset ------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_trial_is_drawn_with_its_curve(tmp_path: Path) -> None:
    trial, path = stored(Lab(tmp_path), curve=True), tmp_path / "trial.png"
    assert draw_trial(trial, PLANE, path)
    assert path.read_bytes().startswith(PNG)
    plain = stored(Lab(tmp_path / "plain"))
    assert draw_trial(plain, PLANE, tmp_path / "plain.png"), "what was not trained has no curve"
    assert path.read_bytes() != (tmp_path / "plain.png").read_bytes()


def test_a_trial_without_a_surface_is_not_drawn(tmp_path: Path) -> None:
    assert not draw_trial(Lab(tmp_path).trial(), PLANE, tmp_path / "trial.png")
    assert not draw_trial(stored(Lab(tmp_path / "bits")), BINARY, tmp_path / "trial.png")
    assert not (tmp_path / "trial.png").exists()


def test_a_dataset_is_drawn(tmp_path: Path) -> None:
    draw_dataset("8gaussians", EightGaussians(), tmp_path / "dataset.png")
    assert (tmp_path / "dataset.png").read_bytes().startswith(PNG)


def test_only_the_plane_is_drawn(tmp_path: Path) -> None:
    from ebmbench.datasets.binary import Ising

    with pytest.raises(UsageError, match="the plane only; 'ising' has 16 coordinates"):
        draw_dataset("ising", Ising(side=4), tmp_path / "dataset.png")
