"""What pages say of metrics and statistics is what the code has."""

from __future__ import annotations

import math
import re
from unittest import mock

import numpy as np
import pytest
from scipy.stats import norm, t

from ebmbench.analysis import boards, claims, comparison, conditions, pairs, resampling, standings
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.domain import MAX_BITS, Box
from ebmbench.contracts.records import EnergyKind, Protocol
from ebmbench.metrics import cuts, landscape, manifold, neighbors, samples, tracks
from ebmbench.report import doubts
from ebmbench.suite.schema import DataRegime
from ebmbench.truth import knowledge, normalizer
from tests.docs.reader import ROOT

DIRECTION = re.compile(r"\b(up|down|one|zero|none)\b")
METRICS = (ROOT / "docs" / "metrics.md").read_text()
STATISTICS = " ".join((ROOT / "docs" / "statistics.md").read_text().split())


def test_the_page_of_metrics_has_all_of_them_and_their_directions() -> None:
    known = {entry.spec.name: entry.spec for entry in load_catalog().metrics.values()}
    rows = [line.split(" | ") for line in METRICS.splitlines() if line[:3] == "| `"]
    named: dict[str, set[str]] = {}
    for cells in rows:
        for name in re.findall(r"`(\w+)`", cells[0]):
            named.setdefault(name, set()).update(DIRECTION.findall(" ".join(cells[2:])))
    assert known.keys() - named.keys() == set()
    assert {name: spec.direction for name, spec in known.items() if spec.direction not in named[name]} == {}


def test_the_page_of_metrics_has_the_kinds() -> None:
    """What is n/a of each kind is what the records say."""
    first = METRICS.partition("## Which energies")[2].partition("## Variants")[0]
    table = {line.split("`")[1]: line for line in first.splitlines() if line.startswith("| `")}
    entries = load_catalog().metrics.values()
    missing = {kind: {e.spec.name for e in entries if kind not in e.spec.kinds} for kind in EnergyKind}
    assert missing[EnergyKind.NORMALIZED] == {"kl_smoothed"}
    assert missing[EnergyKind.DENSITY] == {"kl_smoothed", "log_z_error"}
    assert missing[EnergyKind.SMOOTHED] == {"log_z_error"}
    assert missing[EnergyKind.RANKING] == {"kl_smoothed", "log_z_error", "refinement"}
    for kind in (EnergyKind.NORMALIZED, EnergyKind.DENSITY):
        assert all(f"`{name}`" in table[kind] for name in missing[kind])
    assert "`refinement`" in table[EnergyKind.RANKING]


@pytest.mark.parametrize(
    ("value", "told", "said"),
    [
        (Protocol().lattice, 400, "400 x 400 cells"),
        (Protocol().milestone_lattice, 200, "200 x 200"),
        (Protocol().samples, 5000, "5,000 points each"),
        (normalizer.SHELLS, 6, "six shells"),
        (2**normalizer.SHELLS, 64, "64 times the domain"),
        (normalizer.DECAY, 0.75, "three quarters"),
        (normalizer.OUTER_TOLERANCE, 1e-6, "a millionth of the mass"),
        (MAX_BITS, 20, "up to 20 bits"),
        (cuts.HIDDEN, 3, "at least 3 nats below"),
        (cuts.MAX_LOG_Z_ERROR, 0.01, "Above 0.01 nats"),
        (DataRegime().test, 10_000, "Test points (10,000"),
        (DataRegime().validation, 5000, "Validation points (5,000)"),
        (samples.MMD_POINTS, 2000, "2,000 points each"),
        (samples.PROJECTIONS, 64, "64 directions"),
        (samples.ASSIGNED_POINTS, 1000, "up to 1,000 points each"),
        (neighbors.NEIGHBORS, 5, "to the fifth neighbor"),
        (manifold.START_DISTANCE, 3, "noise of 3 widths"),
        (manifold.NEAR, 2, "within 2 widths"),
        (landscape.MIN_DEPTH, 1, "a nat deep"),
    ],
)
def test_the_page_of_metrics_has_the_constants(value: float, told: float, said: str) -> None:
    assert value == told
    assert said in " ".join(METRICS.split())


def test_the_lattice_of_three_dimensions_has_as_many_cells_as_the_page_says() -> None:
    box = Box((0.0,) * 3, (1.0,) * 3)
    found = knowledge.normalizer_of(mock.Mock(domain=box, context=None), Protocol().lattice)
    assert isinstance(found, normalizer.Lattice)
    assert found.side == 54
    assert "54 cells along each axis" in " ".join(METRICS.split())


@pytest.mark.parametrize(
    ("value", "told", "said"),
    [
        (standings.TIE, 1.1, "within a factor of 1.1, either way"),
        (comparison.LOAD, 1.1, "the same share of a processor within a factor of 1.1"),
        (resampling.RESAMPLES, 2000, "bootstrap (2,000 draws)"),
        (pairs.RESAMPLES, 1000, "with 1,000 draws"),
        (boards.LEAST, 1e-6, "below a millionth"),
        (conditions.LEAST_SHARE, 0.9, "less than nine tenths of a processor"),
        (claims.ERRORS, 5, "five times the sum of their standard errors"),
        (claims.UNKNOWN_ERROR, 0.5, "(half a nat, where those were not measured)"),
        (doubts.CHANCE, 0.5, "AUROC below 0.5"),
        (doubts.MAX_CONSTANT, 0.5, "off by more than half a nat"),
        (doubts.TRUTH["log_z_error"][0], 0.05, "`log_z_error` beyond 0.05"),
        (doubts.TRUTH["mass_outside"][0], 0.01, "`mass_outside` beyond 0.01"),
        (doubts.TRUTH["nll_excess"][0], 0.1, "`nll_excess` beyond 0.1"),
        (doubts.TRUTH["fisher"][0], 0.05, "`fisher` beyond 0.05"),
        (tracks.OUTSIDE.above, 0.01, "if above 1 %"),
    ],
)
def test_the_page_of_statistics_has_the_constants(value: float, told: float, said: str) -> None:
    assert value == told
    assert said in STATISTICS


def test_the_page_of_statistics_has_the_rulers_and_the_targets() -> None:
    rulers = [*tracks.PLANE.rulers, *tracks.USER_DATA.rulers]
    assert re.findall(r"\| (Density|Order|Held-out likelihood) \| [^|]+ \| `(\w+)`", STATISTICS) == [
        (ruler.title, ruler.metric) for ruler in rulers
    ]
    assert tracks.PLANE.rulers == tracks.BINARY.rulers
    assert tracks.PLANE.targets == (0.1, 0.05)
    assert "came to 0.1 and to 0.05 nats" in STATISTICS


def test_the_page_of_statistics_has_the_shares_that_are_cut_off() -> None:
    head, _, shares = (ROOT / "docs" / "statistics.md").read_text().partition("| n | ")[2].splitlines()[:3]
    for n, said in zip(map(int, head.strip(" |").split(" | ")), re.findall(r"([\d.]+) %", shares), strict=True):
        assert float(said) / 100 == pytest.approx(
            norm.sf(math.sqrt(n / (n - 1)) * t.ppf(0.975, n - 1)), rel=0.03, abs=1e-12
        )


def test_few_units_have_the_least_and_the_largest_of_the_draws() -> None:
    """As the page says: up to four; with five it is the second of each."""
    drawn = np.arange(2000.0)[:, None]
    assert [resampling.ends(drawn, n).ravel().tolist() for n in (2, 3, 4)] == [[0, 1999]] * 3
    assert resampling.ends(drawn, 5).ravel().tolist() == [1, 1998]
