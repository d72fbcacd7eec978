"""What belongs to the process is as it was, whatever a plugin did to it."""

from __future__ import annotations

import os
import random

import numpy as np
import torch

from ebmbench.conformance.surroundings import NUMBERS, SETTINGS, left_alone


def test_all_of_it_is_put_back() -> None:
    before = {name: get() for name, get in (NUMBERS | SETTINGS).items()}
    with left_alone():
        os.chdir("/")
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.set_grad_enabled(False)
        torch.manual_seed(5)
        np.random.seed(5)
        np.seterr(all="raise")
        random.seed(5)
        torch.set_float32_matmul_precision("medium")
        changed = [name for name, get in (NUMBERS | SETTINGS).items() if get() != before[name]]
    assert len(changed) == 9
    assert {name: get() for name, get in (NUMBERS | SETTINGS).items()} == before
