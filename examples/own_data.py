"""Methods on rows of one's own, and what a trained energy says of others: ``python examples/own_data.py``, a minute."""

from __future__ import annotations

import numpy as np
import torch

import ebmbench

rng = np.random.default_rng(0)
angle = rng.uniform(0, 2 * np.pi, 4000)
y = np.stack([np.cos(angle), np.sin(angle)], 1) + 0.1 * rng.normal(size=(4000, 2))

results = ebmbench.run(methods=["gaussian", "gmm", "kmeans"], data=y, seeds=2, budget=300_000, name="circle")

# The density of these rows is nobody's: what ranks is the likelihood of held-out ones.
print(results.leaderboard)

# Low energy is probable: a row on the ring, one in its middle, one far away.
surface = results.model("gmm/data/0/cpu")
with torch.no_grad():
    energies = surface(torch.tensor([[1.0, 0.0], [0.0, 0.0], [5.0, 5.0]]))
print(dict(zip(("on the ring", "in its middle", "far away"), energies.tolist(), strict=True)))
