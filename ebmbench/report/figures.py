"""Pictures: the energy surfaces of all methods beside the truth, and the curves of a training."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ebmbench.analysis.aggregate import Line
from ebmbench.contracts import Dataset, EnergyKind, Status
from ebmbench.metrics.calibration import log_normalizer
from ebmbench.store.tables import TrialResult
from ebmbench.suite.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEPTH = 7.0
"""Nats shown above the lowest energy of the truth: what lies higher is one color."""
PANEL = 1.55
"""Inches of a panel's side."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """Energies on a square lattice, and how they were calibrated to be shown."""

    energy: Array
    truth: Array
    calibration: str


def read_picture(trial: TrialResult) -> Picture | None:
    """The stored surface of a trial as -log q: normalized as it is, or by its order alone for a ranking energy.

    None when nothing is stored, or when its lattice is not that of a plane.
    """
    try:
        with np.load(trial.folder.verified("surface.npz"), allow_pickle=False) as stored:
            energy, iso, log_p = (stored[k].astype(np.float64) for k in ("energy", "iso_log_density", "log_p"))
            shape = tuple(stored["lattice"]) if "lattice" in stored else (round(len(energy) ** 0.5),) * 2
    except (UsageError, OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    if len(shape) != 2:
        return None
    if trial.view.kind is EnergyKind.RANKING:
        shown, calibration = -iso, "iso"
    else:
        log_weight = np.full(len(energy), -log_normalizer(-log_p, np.zeros(len(energy))))
        shown, calibration = energy + log_normalizer(energy, log_weight), "-log q"
    return Picture(shown.reshape(shape).T, -log_p.reshape(shape).T, calibration)


def draw_surfaces(lines: Sequence[Line], datasets: Sequence[str]) -> Figure | None:
    """A row a dataset, the truth first and then each method, the first seed of each; one color scale in a row.

    Returns:
        The figure; None when no surface is stored.
    """
    chosen = {(line.row, dataset): _first(line, dataset) for line in lines for dataset in datasets}
    pictures = {key: read_picture(trial) for key, trial in chosen.items() if trial is not None}
    if not any(pictures.values()):
        return None
    datasets = [name for name in datasets if _belongs(name, chosen, pictures)]
    rows = [line for line in lines if line.row != "oracle"]
    plt, figure, axes = _grid(len(datasets), 1 + len(rows))
    for i, dataset in enumerate(datasets):
        found = next((p for (_, d), p in pictures.items() if d == dataset and p is not None), None)
        _panel(axes[i][0], found.truth if found else None, found, "truth" if i == 0 else "")
        axes[i][0].set_ylabel(_plain(dataset), fontsize=8)
        for j, line in enumerate(rows, start=1):
            picture = pictures.get((line.row, dataset))
            title = f"{_plain(line.row)}\n{line.strategy.value}" if i == 0 else ""
            _panel(axes[i][j], picture.energy if picture else None, picture, title)
            _annotate(axes[i][j], chosen[line.row, dataset])
    figure.suptitle(
        "Energy surfaces, -log q in nats (ranking energies by their order alone, iso); dark is low. "
        "In each panel: skill of the seed shown.",
        fontsize=8,
    )
    plt.close(figure)
    return figure


def _belongs(
    dataset: str,
    chosen: Mapping[tuple[str, str], TrialResult | None],
    pictures: Mapping[tuple[str, str], Picture | None],
) -> bool:
    """Whether a dataset has a row in the figure: not when all that ended well has no lattice of the plane."""
    ended = [key for key, trial in chosen.items() if key[1] == dataset and trial is not None]
    return not ended or any(pictures[key] for key in ended)


def _first(line: Line, dataset: str) -> TrialResult | None:
    return next((t for t in line.trials if t.view.dataset == dataset and t.status is Status.OK), None)


def _grid(rows: int, columns: int) -> tuple[Any, Figure, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn as sns

    sns.set_theme(style="white", font_scale=0.7)
    size = (PANEL * columns + 0.3, PANEL * rows + 0.7)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    return plt, figure, axes


def _panel(axes: Axes, energy: Array | None, picture: Picture | None, title: str) -> None:
    import seaborn as sns

    axes.set_xticks([])
    axes.set_yticks([])
    if title:
        axes.set_title(title, fontsize=8)
    if energy is None or picture is None:
        axes.text(0.5, 0.5, "no result", ha="center", va="center", fontsize=7, transform=axes.transAxes)
        return
    low = float(picture.truth.min())
    image = np.clip(np.nan_to_num(energy, posinf=1e9), low - 1, low + DEPTH)
    palette = sns.color_palette("mako", as_cmap=True)
    axes.imshow(image, origin="lower", cmap=palette, vmin=low - 1, vmax=low + DEPTH, interpolation="bilinear")


def _annotate(axes: Axes, trial: TrialResult | None) -> None:
    skill = trial.values.get("skill") if trial is not None else None
    if skill is not None:
        axes.text(0.03, 0.03, f"{skill:.2f}", color="black", fontsize=6, transform=axes.transAxes)


def _plain(text: str) -> str:
    """Text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")


def draw_trial(trial: TrialResult, path: Path) -> bool:
    """One trial as a PNG: its surface beside the truth, and its curves. False when it has no surface."""
    picture = read_picture(trial)
    if picture is None:
        return False
    plt, figure, axes = _grid(1, 3)
    figure.set_size_inches(9, 3.2)
    _panel(axes[0][0], picture.truth, picture, "truth")
    _panel(axes[0][1], picture.energy, picture, f"{_plain(trial.view.row)} ({picture.calibration})")
    _curves(axes[0][2], trial)
    figure.suptitle(_plain(trial.view.name), fontsize=8)
    plt.close(figure)
    save(figure, path)
    return True


def draw_dataset(name: str, dataset: Dataset, path: Path) -> None:
    """A dataset as a PNG: its energy -log p on its domain, and 5000 of its samples.

    Raises:
        UsageError: if it does not live on the plane.
    """
    import torch

    if dataset.domain.kind != "continuous" or dataset.domain.dim != 2:
        raise UsageError(f"a picture is drawn of the plane only; '{name}' has {dataset.domain.dim} coordinates")
    support = dataset.domain.support(300)
    energy = -dataset.log_prob(support.points).numpy().reshape(300, 300).T
    y = dataset.sample(5000, torch.Generator().manual_seed(0)).y.numpy()
    plt, figure, axes = _grid(1, 2)
    figure.set_size_inches(7, 3.7)
    _panel(axes[0][0], energy, Picture(energy, energy, "-log p"), "-log p (nats)")
    box: Any = dataset.domain
    axes[0][1].plot(y[:, 0], y[:, 1], ",", color="black")
    axes[0][1].set(xlim=(box.low[0], box.high[0]), ylim=(box.low[1], box.high[1]), title="5000 samples")
    axes[0][1].set_box_aspect(1)
    axes[0][0].set_box_aspect(1)
    figure.suptitle(_plain(name), fontsize=9)
    plt.close(figure)
    save(figure, path)


def _curves(axes: Axes, trial: TrialResult) -> None:
    import pandas as pd
    import seaborn as sns
    from matplotlib.ticker import NullFormatter

    points = [
        {"passes": p.passes, "value": p.value, "curve": f"{p.metric} {p.variant}".strip()}
        for p in trial.curve
        if p.metric in ("kl",) and p.value is not None
    ]
    axes.set_title("forward KL at milestones (nats)", fontsize=8)
    if not points:
        axes.text(0.5, 0.5, "not trained", ha="center", va="center", fontsize=7, transform=axes.transAxes)
        return
    sns.lineplot(pd.DataFrame(points), x="passes", y="value", hue="curve", marker="o", ax=axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG beside, then rename; no date inside, so that the same numbers give the same bytes."""
    temporary = path.with_name(f".{path.name}.tmp")
    figure.savefig(temporary, dpi=130, format="png", metadata={"Software": None})
    temporary.replace(path)
