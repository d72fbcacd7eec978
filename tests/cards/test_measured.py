"""What is shipped of measurements is what the repository's own tables say."""

from __future__ import annotations

import csv
import re

import pytest

from ebmbench.cards.measured import FOLDER, charges, entropy, standings
from ebmbench.datasets.binary import BoltzmannMachine
from tests.charges import DOCUMENT, TRAINED
from tests.factories import make_truth
from tests.measured import REFERENCE, STANDING_HEAD, commit_of, place, table
from tests.measured import standings as computed

CHARGE = re.compile(r"\| `(\w+)`( on bits| given x)? \| (\d+) \| \S+ \| (\S+) \| \S+ \| (\S+) \|")


KINDS = {"": "plane", " on bits": "bits", " given x": "given"}


def test_charges_are_those_of_the_document() -> None:
    told = {
        (match[1], KINDS[match[2] or ""]): (int(match[3]), float(match[4]), float(match[5].replace(",", "")))
        for match in map(CHARGE.match, DOCUMENT.read_text().splitlines())
        if match
    }
    assert len(told) == len(TRAINED)
    shipped = {(m, c.data): (c.rows, c.mflop, c.passes) for m, _ in told for c in charges(m)}
    assert shipped == told, "python -m tests.charges writes both"


@pytest.mark.long
def test_standings_are_those_of_the_reference() -> None:
    made = table(STANDING_HEAD, computed())
    assert (FOLDER / "standings.csv").read_text() == made, "python -m tests.measured writes it anew"


def test_a_method_stands_where_the_board_has_it() -> None:
    """Held against the page that people read: rows of the density board, best first."""
    rows = re.findall(r"^\|[^|]*\| ([\w\\]+) \| \w\d \| (\S+) ", (REFERENCE / "seven/leaderboard.md").read_text(), re.M)
    names = [name.replace("\\", "") for name, _ in rows]
    (found,) = (standing for standing in standings("nce") if standing.table == "seven")
    mark = found.mark("times_the_best_kl", "all")
    assert mark is not None
    assert names[0] == "rank_nce"
    assert mark.place == names.index("nce") + 1
    assert f"{mark.value:.1f}" == rows[names.index("nce")][1]
    assert found.commit == commit_of("seven")
    assert (found.trials, found.failed, len(found.datasets)) == (15, 0, 5)


def test_a_reference_row_has_numbers_and_no_place() -> None:
    (found,) = (standing for standing in standings("oracle") if standing.table == "seven")
    assert {mark.place for mark in found.marks} == {None}
    assert found.mark("skill", "moons") is not None
    assert found.mark("times_the_best_kl", "all") is None


def test_places_count_those_who_are_better_and_ties_share_one() -> None:
    def line(value: float, reference: str = "False") -> dict[str, str]:
        return {"dataset": "moons", "metric": "skill", "reference": reference, "value": str(value)}

    lines = [line(0.9), line(0.5), line(0.9), line(0.1), line(1.0, "True")]
    assert [place(one, lines) for one in lines] == [("1", "4"), ("3", "4"), ("1", "4"), ("4", "4"), ("", "0")]
    kl = [{**one, "metric": "kl"} for one in lines]
    assert [place(one, kl)[0] for one in kl] == ["3", "2", "3", "1", ""]


def test_what_nobody_measured_is_nothing() -> None:
    assert (charges("mine"), standings("mine"), entropy("mine")) == ((), (), None)


def test_entropies_are_those_of_closed_forms_and_of_tables() -> None:
    """Neal's funnel, a bent normal, two Laplace sources, a uniform law; all states of a Boltzmann machine.

    Of y given x: two branches that are apart, a normal (the mean of log sigma(x)), a thin tube about an ellipse.
    """
    from math import e, exp, log, pi, sqrt

    from scipy.integrate import quad

    known = {
        "funnel": log(2 * pi * e * 1.5),
        "banana": log(4 * pi * e),
        "laplace_ica": 2 * (1 + log(sqrt(2))),
        "checkerboard": log(32),
        "boltzmann": make_truth(BoltzmannMachine()).entropy,
        "two_branches": log(2 * pi * e * 0.01) / 2 + log(2),
        "gustafsson_2": log(2 * pi * e) / 2 + quad(lambda x: log(0.15 / (1 + exp(-x))) / 6, -3, 3)[0],
        "horn": log(2 * pi * 1.75) + 1 + log(2 * pi * e * 0.0025) / 2,
    }
    for name, value in known.items():
        assert entropy(name) == pytest.approx(value, abs=1e-4), name
    drawn = {
        "two_modes": 25 * log(2 * pi * e) - 0.25 * log(0.25) - 0.75 * log(0.75),
        "laplace_ica_d": 10 * (1 + log(sqrt(2))),
        "curve_embedded": 2.393879 + 7 * log(2 * pi * e * 0.04),
    }
    for name, value in drawn.items():
        assert entropy(name) == pytest.approx(value, abs=0.015), name


def test_no_line_is_of_what_the_catalog_does_not_have() -> None:
    from ebmbench.catalog.loading import load_catalog

    catalog = load_catalog()
    for name, column, known in (
        ("charges", "method", catalog.methods),
        ("standings", "method", catalog.methods),
        ("entropies", "dataset", catalog.datasets),
    ):
        with (FOLDER / f"{name}.csv").open(newline="") as file:
            assert {row[column] for row in csv.DictReader(file)} <= set(known), name
