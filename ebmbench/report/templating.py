"""Templates of this package: whatever they show is escaped, whatever the format."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(escape: Callable[[Any], str] | None = None, **syntax: Any) -> Environment:
    """Where templates are found, and how they are read.

    Args:
        escape: makes the text of what a template shows; without it that is escaped for HTML.
        syntax: marks of blocks, variables and comments, where the usual ones mean something in the format.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("ebmbench.report"),
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=escape is None,
        **syntax,
    )
