"""Rows to compare with: the truth above, the floors below. They are never ranked."""

from __future__ import annotations

from ebmbench.contracts import Method


class ReferenceMethod(Method):
    """A reference row. Its ``build`` alone is given a problem whose ``truth`` is the dataset itself."""
