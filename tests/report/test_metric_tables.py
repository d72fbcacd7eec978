"""Every metric as a table: what was measured is there, what was not is a dash or no table at all."""

from __future__ import annotations

from ebmbench.contracts import EnergyKind
from ebmbench.report.metric_tables import metric_tables
from ebmbench.store.records import MetricCell
from tests.report.test_leaderboard import board, line, trial


def cell(name: str, *variants: str, **facts: str) -> MetricCell:
    return MetricCell(
        name=name,
        target="m:f",
        owner="o",
        summary=facts.get("summary", "what it is"),
        unit=facts.get("unit", ""),
        direction=facts.get("direction", "up"),
        kinds=tuple(EnergyKind),
        variants=variants or ("",),
        code="",
    )


def test_a_table_for_each_variant_that_was_measured() -> None:
    nce = line("nce", trial("nce", {"kl": 0.25, "kl_beta": 0.125}), trial("nce", {"kl": 0.75}, dataset="rings"))
    text = metric_tables(board(nce), [cell("kl", "raw", "beta", "iso", unit="nats", direction="down")])
    assert "## kl ↓ (nats)" in text
    assert "| raw | moons | rings |" in text
    assert "| nce | 0.250 | 0.750 |" in text
    assert "| nce | 0.125 | - |" in text
    assert "| iso |" not in text


def test_medians_over_seeds() -> None:
    seeds = [trial("nce", {"auroc": value}) for value in (0.1, 0.2, 0.9)]
    assert "| nce | 0.200 | - |" in metric_tables(board(line("nce", *seeds)), [cell("auroc")])


def test_what_nobody_measured_has_no_table() -> None:
    text = metric_tables(board(line("nce", trial("nce", {"kl": 1.0}))), [cell("auroc"), cell("kl", "raw")])
    assert "auroc" not in text
    assert "## kl" in text


def test_names_are_escaped() -> None:
    hostile = line("a|b", trial("a|b", {"x": 1.0}))
    text = metric_tables(board(hostile), [cell("x", summary="<script>")])
    assert "a\\|b" in text
    assert "<script>" not in text
