"""What a plugin's mistake raises, in words of what the author is to do: of mistakes that Python itself says badly."""

from __future__ import annotations

import traceback

import pydantic

from ebmbench.contracts.method import Method
from ebmbench.errors import one_line


def explained(error: BaseException) -> str:
    """One line for tables and logs, without the type of the exception."""
    kind = type(error).__name__
    return _unwritten(error) or _frozen(error) or one_line(error).removeprefix(f"{kind}: ")


def _unwritten(error: BaseException) -> str | None:
    """A function of the base class that a method has to write itself."""
    if not isinstance(error, NotImplementedError) or str(error) or error.__traceback__ is None:
        return None
    frame, _ = list(traceback.walk_tb(error.__traceback__))[-1]
    owner = frame.f_locals.get("self")
    if not isinstance(owner, Method):
        return None
    form = frame.f_code.co_varnames[1 : frame.f_code.co_argcount]
    return (
        f"{type(owner).__name__} has no {frame.f_code.co_name}({', '.join(form)}): "
        "a method writes build, and loss (as a GradientMethod) or step"
    )


def _frozen(error: BaseException) -> str | None:
    """A method that writes to itself."""
    if not isinstance(error, pydantic.ValidationError):
        return None
    written = [str(one["loc"][-1]) for one in error.errors() if one["type"] == "frozen_instance"]
    if not written:
        return None
    return (
        f"{error.title} writes to self.{written[0]}: a method is a frozen record of its hyper-parameters; what "
        "training changes belongs into the surface, as a parameter or a buffer (register_buffer in build)"
    )
