"""By strategy: a claim for each, and what its best method makes of it."""

from __future__ import annotations

from ebmbench.contracts.records import Strategy
from ebmbench.report.page.claims import CLAIMS, findings
from ebmbench.report.report import Report


def test_each_strategy_that_was_run_has_a_finding_of_its_best_method(report: Report) -> None:
    found = {finding.strategy: finding for finding in findings(report.leaderboard)}
    assert list(found) == ["C1", "C2", "C3", "A1", "A2", "A3"]
    assert found["C1"].measured[0].startswith("Density: m0 has 1.0")
    assert found["C1"].verdict == "with the best in density and order"
    assert found["C3"].measured[0] == "Density: none of its methods stands on this board"
    assert set(CLAIMS) == set(Strategy) - {Strategy.REFERENCE}
