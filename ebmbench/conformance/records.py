"""What a record says of a component, to people."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from ebmbench.conformance.findings import Finding, line_of


def undescribed(cls: type[BaseModel]) -> Iterator[Finding]:
    """The fields of a record that do not say what they are."""
    silent = [name for name, info in cls.model_fields.items() if not info.description]
    if silent:
        cause = 'write Field(8, ge=1, description="noise samples per data point")'
        yield Finding("record", "a description of every field", f"none of {', '.join(silent)}", cause, line_of(cls))
