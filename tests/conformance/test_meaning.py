"""An energy that means something else than its record says is caught by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.kit import assert_caught
from tests.conformance.mistakes import Mistake, of


@pytest.mark.long
@pytest.mark.parametrize("mistake", of("sign", "kind"), ids=lambda mistake: mistake.title)
def test_a_mistake_is_caught(mistake: Mistake, tmp_path: Path) -> None:
    assert_caught(mistake, tmp_path)
