"""The kit as an author's own tests call it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.errors import UsageError
from ebmbench.testing import Nonconforming, check_dataset, check_method, check_metric, check_plugin
from tests.conformance.mistakes import DATASET, METRIC, MISTAKES


@pytest.mark.long
def test_what_is_right_is_returned_and_what_is_wrong_is_raised_with_all_that_was_found(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(DATASET)
    wrong.write_text(next(m for m in MISTAKES if m.title == "no loss").source)
    (found,) = check_plugin(right)
    assert found.ok
    assert check_dataset(load_catalog([right]).datasets["blob"].spec).ok
    with pytest.raises(Nonconforming, match=r"body: expected a method `loss\(self, surface, batch, rng\)`"):
        check_plugin(wrong)
    with pytest.raises(AssertionError, match="body"):
        check_method(load_catalog([wrong]).methods["mine"].spec)


@pytest.mark.long
def test_a_metric_by_its_record(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(METRIC)
    assert check_metric(load_catalog([file]).metrics["chi2"].spec).ok


def test_a_file_that_offers_nothing_or_cannot_be_imported_is_said(tmp_path: Path) -> None:
    nothing, broken = tmp_path / "nothing.py", tmp_path / "broken.py"
    nothing.write_text("")
    broken.write_text("import nosuch")
    with pytest.raises(UsageError, match="offers no method"):
        check_plugin(nothing)
    with pytest.raises(UsageError, match="No module named 'nosuch'"):
        check_plugin(broken)
