"""A trained surface, written and read again: the numbers alone, and nothing is unpickled."""

from __future__ import annotations

import io
from pathlib import Path
from pickle import UnpicklingError

import torch

from ebmbench.contracts.surface import Surface
from ebmbench.errors import UsageError
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import TrialFolder
from ebmbench.training.components import TrialComponents


def load_model(folder: TrialFolder, root: Path) -> Surface:
    """The trained surface of a folder: rebuilt blank, then filled; neither training data nor pickle are needed.

    The code of its method is imported, which for a single-file plugin is the copy in the results folder.

    Raises:
        UsageError: if there is no trial, or its model.pt does not hold the numbers of this surface alone.
    """
    spec = folder.spec()
    if spec is None:
        raise UsageError(f"{folder.path}: holds no trial")
    components = TrialComponents.load(spec, root)
    surface, path = components.blank(), folder.file("model.pt")
    try:
        surface.load_state_dict(torch.load(path, map_location=components.like.device, weights_only=True))
    except torch.OutOfMemoryError:
        raise
    except (UnpicklingError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, OSError, EOFError):
        raise UsageError(f"{path}: does not hold the numbers of this model; nothing in it was run") from None
    return surface


def save_model(folder: TrialFolder, surface: Surface) -> None:
    """Write the state dict alone."""
    buffer = io.BytesIO()
    torch.save(surface.state_dict(), buffer)
    write_atomic(folder.file("model.pt"), buffer.getvalue())
