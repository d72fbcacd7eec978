"""What belongs to the process, and to no plugin."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

SETTINGS: dict[str, Callable[[], Any]] = {
    "torch's default dtype": torch.get_default_dtype,
    "torch's default device": torch.get_default_device,
    "the number of torch's threads": torch.get_num_threads,
    "whether autograd is on": torch.is_grad_enabled,
    "the precision of matrix products": torch.get_float32_matmul_precision,
    "whether torch's algorithms are deterministic": torch.are_deterministic_algorithms_enabled,
    "the working directory": os.getcwd,
    "numpy's error handling": np.geterr,
}
"""What belongs to the process, and to no method."""
NUMBERS: dict[str, Callable[[], Any]] = {
    "torch's": lambda: torch.random.get_rng_state().numpy().tobytes(),
    "numpy's": lambda: repr(np.random.get_state()),
    "Python's": random.getstate,
}


@contextmanager
def left_alone() -> Iterator[None]:
    """The process as it was, whatever is done inside."""
    folder, dtype, threads = os.getcwd(), torch.get_default_dtype(), torch.get_num_threads()
    state, numbers = random.getstate(), np.random.get_state()
    precision, strict = torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled()
    errors = np.geterr()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            os.chdir(folder)
            torch.set_default_dtype(dtype)
            torch.set_num_threads(threads)
            torch.set_grad_enabled(True)
            torch.set_float32_matmul_precision(precision)
            torch.use_deterministic_algorithms(strict)
            random.setstate(state)
            np.random.set_state(numbers)
            np.seterr(**errors)
