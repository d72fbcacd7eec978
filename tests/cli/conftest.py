"""What runs in this process leave out where a test does not speak of it."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest

from tests.planned import QUICK


@pytest.fixture(autouse=True, scope="module")
def no_mirror() -> Iterator[None]:
    """MLflow takes five seconds to make a database; the mirror has tests of its own, and processes write it."""
    from ebmbench import session

    with mock.patch.object(session, "MlflowObserver", return_value=object()):
        yield


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Surfaces are measured on small lattices."""
    from ebmbench.planning import resolving

    with mock.patch.object(resolving, "Protocol", return_value=QUICK):
        yield
