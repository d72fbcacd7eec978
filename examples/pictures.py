# %% [markdown]
# Energies beside the truth, and how they got there, drawn from a finished run.
#
# The cells run in an editor that knows `# %%`, or all of them by `python examples/pictures.py`: a minute or two, and
# `energies.png` and `courses.png` are written.

# %%
from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch

import ebmbench

METHODS = ["gmm", "kmeans", "nce", "dsm"]
suite = [f"methods=[oracle, gaussian, {', '.join(METHODS)}]", "datasets=[moons]", "budget.passes=1_000_000"]
results = ebmbench.run("smoke", overrides=tuple(suite))

# %% [markdown]
# Every trained energy on one grid. An energy has a zero of its own, and one that only ranks has no scale either: what
# can be compared is the share of the plane that is as low. So each is drawn by the quantiles of its energies.

# %%
side = 160
axis = np.linspace(-4, 4, side)
LEVELS = np.geomspace(0.01, 1, 13)
grid = torch.tensor(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2), dtype=torch.float32)

figure, panels = plt.subplots(1, 5, figsize=(12, 2.8), layout="compressed")
for panel, method in zip(panels, ["oracle", *METHODS], strict=True):
    with torch.no_grad():
        energy = results.model(f"{method}/moons/0/cpu")(grid).double().numpy()
    rank = energy.argsort().argsort() / len(energy)
    drawn = panel.contourf(axis, axis, rank.reshape(side, side), levels=LEVELS, cmap="magma", extend="min")
    panel.set(title="the truth" if method == "oracle" else method, xticks=[], yticks=[], aspect="equal")
figure.colorbar(drawn, ax=panels, label="share of the plane\nthat is lower", ticks=[0.01, 0.1, 1], shrink=0.8, pad=0.01)
figure.savefig("energies.png", dpi=110)

# %% [markdown]
# How far each was from the truth while it was trained: the KL at the milestones, at the temperature that fits best, so
# that the energy that only ranks has a line too.

# %%
numbers = results.metrics.merge(results.trials[["trial", "method", "reference"]], on="trial")
course = numbers[(numbers["metric"] == "kl") & (numbers["variant"] == "beta") & ~numbers["reference"]]
course = course[["method", "passes", "value"]].rename(columns={"value": "KL (nats)"})

figure, panel = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
sns.lineplot(course, x="passes", y="KL (nats)", hue="method", hue_order=METHODS, marker="o", ax=panel)
panel.set(xscale="log", yscale="log")
panel.grid(alpha=0.3)
figure.savefig("courses.png", dpi=110)
