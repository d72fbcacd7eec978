"""Pictures: the energy surfaces of all methods beside the truth, and the curves of a training."""

from __future__ import annotations

import io
import itertools
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.records import EnergyKind, Track, flat_name
from ebmbench.errors import UsageError, sentence
from ebmbench.report.report import Report
from ebmbench.store.files import replacing
from ebmbench.store.runs import TrialResult
from ebmbench.truth.normalizer import log_normalizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEPTH = 7.0
"""Nats shown above the lowest energy of the truth: what lies higher is one color."""
MIN_PANEL, MAX_PANEL, WIDE = 1.55, 4.0, 9.0
"""Inches: a panel's least and largest side, and what a figure of few panels may fill."""

MAX_COLUMNS = 16
"""Methods beside each other."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """Energies on a square lattice, and how they were calibrated to be shown."""

    energy: Array
    truth: Array | None
    calibration: str
    data: Array | None = None
    """Test points (n, 2) in units of cells, where the truth is not known."""

    @property
    def low(self) -> float:
        """The lowest energy of the truth, or else of the surface."""
        return float((self.energy if self.truth is None else self.truth).min())


def read_picture(trial: TrialResult, warn: Callable[[str], None] = lambda text: None) -> Picture | None:
    """The stored surface of a trial as -log q: normalized as it is, or by its order alone for a ranking energy.

    None when there is none, or none of the plane, or (``warn`` is told) it is damaged, or it holds anything but the
    numbers of one.
    """
    if not trial.folder.file("surface.npz").exists():
        return None
    try:
        with np.load(trial.folder.verified("surface.npz"), allow_pickle=False) as stored:
            arrays = {name: stored[name].astype(np.float64) for name in stored.files}
        return _picture(trial, arrays)
    except UsageError as error:
        warn(f"{trial.view.name}: {error}")
        return None
    except DAMAGE:
        return None


DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What is raised by a file of arrays that is none, or holds others than it should."""


def _picture(trial: TrialResult, arrays: dict[str, Array]) -> Picture | None:
    energy, iso, truth, box = arrays["energy"], arrays["iso_log_density"], arrays.get("log_p"), arrays.get("box")
    shape = tuple(arrays["lattice"].astype(int))
    if len(shape) != 2:
        return None
    if trial.view.kind is EnergyKind.RANKING:
        shown, calibration = -iso, "iso"
    else:
        log_cell = _log_cell(truth, box, len(energy))
        shown, calibration = energy + log_normalizer(energy, np.full(len(energy), log_cell)), "-log q"
    picture = shown.reshape(shape).T
    if truth is None and box is not None:
        return Picture(picture, None, calibration, (arrays["data"] - box[0]) / (box[1] - box[0]) * shape - 0.5)
    return Picture(picture, None if truth is None else -truth.reshape(shape).T, calibration)


def _log_cell(log_p: Array | None, box: Array | None, cells: int) -> float:
    """log of the area of a cell: from the truth, which integrates to one, or from the box."""
    if box is not None:
        return float(np.log(box[1] - box[0]).sum() - np.log(cells))
    assert log_p is not None
    return -log_normalizer(-log_p, np.zeros(cells))


def surfaces(report: Report) -> bytes | None:
    """The energy surfaces of all methods beside the truth, as a PNG; None when no surface is stored."""
    figure = draw_surfaces(report)
    return None if figure is None else png(figure)


def draw_surfaces(report: Report) -> Figure | None:
    """A row a dataset, the truth first and then each method, the median seed of each; one color scale a dataset.

    Many methods stand in several blocks of such rows.
    """
    board = report.leaderboard
    drawn = [dataset for dataset, track in board.judged_by.items() if track.picture]
    chosen = {(method.row, dataset): _middle(report, method, dataset) for method in board.methods for dataset in drawn}
    pictures = {key: read_picture(trial, report.warn) for key, trial in chosen.items() if trial is not None}
    if not any(pictures.values()):
        return None
    datasets = [dataset for dataset in drawn if _drawable(dataset, chosen, pictures)]
    rows = [method for method in board.methods if method.row != "oracle"]
    columns = -(-len(rows) // -(-len(rows) // MAX_COLUMNS)) if rows else 0
    blocks = [rows[k : k + columns] for k in range(0, len(rows), columns)] if rows else [[]]
    plt, figure, axes = _grid(len(blocks) * len(datasets), 1 + columns)
    for i, (block, dataset) in enumerate(itertools.product(blocks, datasets)):
        _row(board, axes[i], dataset, block, chosen, pictures, titled=i % len(datasets) == 0)
    figure.suptitle(
        "Energy surfaces, -log q in nats (ranking energies by their order alone, iso); dark is low.\n"
        f"In each panel, of the seed with the median: {_headlines(board)}.",
        fontsize=8,
    )
    plt.close(figure)
    return figure


def _row(
    board: Leaderboard,
    axes: Any,
    dataset: str,
    block: Sequence[MethodSummary],
    chosen: dict[tuple[str, str], TrialResult | None],
    pictures: dict[tuple[str, str], Picture | None],
    titled: bool,
) -> None:
    """The truth and the methods of a block on one dataset."""
    found = [p for (_, d), p in pictures.items() if d == dataset and p is not None]
    low = float(np.median([p.low for p in found])) if found else 0.0
    _truth_panel(axes[0], found[0] if found else None, low, titled)
    axes[0].set_ylabel(_plain(dataset), fontsize=8)
    for panel, method in zip(axes[1:], block, strict=False):
        picture = pictures.get((method.row, dataset))
        title = f"{_plain(method.row)}\n{method.strategy.value}" if titled else ""
        _panel(panel, picture.energy if picture else None, low, title)
        _annotate(panel, chosen[method.row, dataset], board.judged_by[dataset])
    for unused in axes[1 + len(block) :]:
        unused.set_axis_off()


def _headlines(board: Leaderboard) -> str:
    """What the numbers in the panels are."""
    names = dict.fromkeys(track.headline.title.split()[0] for track in board.tracks if track.picture)
    return " or ".join(names)


def _drawable(dataset: str, chosen: dict[tuple[str, str], Any], pictures: dict[tuple[str, str], Any]) -> bool:
    """Whether a dataset has a picture, or might have had one if a trial had ended well."""
    ended = [key for key, trial in chosen.items() if key[1] == dataset and trial is not None]
    return not ended or any(pictures[key] is not None for key in ended)


def _middle(report: Report, method: MethodSummary, dataset: str) -> TrialResult | None:
    name = method.middle(report.leaderboard.judged_by[dataset].headline.of(method.kind), dataset)
    return None if name is None else report.trial(name)


def _grid(rows: int, columns: int) -> tuple[Any, Figure, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn as sns

    sns.set_theme(style="white", font_scale=0.7, rc={"text.usetex": False})  # names are never LaTeX's
    side = min(max(WIDE / columns, MIN_PANEL), MAX_PANEL)
    size = (side * columns + 0.3, side * rows + 0.7)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    return plt, figure, axes


def _truth_panel(axes: Axes, picture: Picture | None, low: float, titled: bool) -> None:
    """The truth; or the test points, where it is not known."""
    if picture is None or picture.data is None:
        _panel(axes, picture.truth if picture else None, low, "truth" if titled else "")
        return
    side = len(picture.energy)
    axes.plot(picture.data[:, 0], picture.data[:, 1], ",", color="black")
    axes.set(xticks=[], yticks=[], xlim=(-0.5, side - 0.5), ylim=(-0.5, side - 0.5), aspect="equal")
    axes.set_title("test points" if titled else "", fontsize=8)


def _panel(axes: Axes, energy: Array | None, low: float, title: str) -> None:
    import seaborn as sns

    axes.set_xticks([])
    axes.set_yticks([])
    if title:
        axes.set_title(title, fontsize=8)
    if energy is None:
        axes.text(0.5, 0.5, "no result", ha="center", va="center", fontsize=7, transform=axes.transAxes)
        return
    image = np.clip(np.nan_to_num(energy, posinf=1e9), low - 1, low + DEPTH)
    palette = sns.color_palette("mako", as_cmap=True)
    axes.imshow(image, origin="lower", cmap=palette, vmin=low - 1, vmax=low + DEPTH, interpolation="bilinear")


def _annotate(axes: Axes, trial: TrialResult | None, track: Track) -> None:
    number = trial.values.get(track.headline.of(trial.view.kind)) if trial is not None else None
    if number is not None:
        axes.text(0.03, 0.03, f"{number:.2f}", color="black", fontsize=6, transform=axes.transAxes)


def _plain(text: str) -> str:
    """Text that matplotlib does not read as mathematics, and that a panel has room for."""
    return sentence(text, 60).replace("$", r"\$")


def draw_trial(trial: TrialResult, track: Track, path: Path) -> bool:
    """One trial as a PNG: its surface beside the truth, and its curves. False when it has no surface."""
    picture = read_picture(trial) if track.picture else None
    if picture is None:
        return False
    plt, figure, axes = _grid(1, 3)
    figure.set_size_inches(9, 3.2)
    _truth_panel(axes[0][0], picture, picture.low, True)
    _panel(axes[0][1], picture.energy, picture.low, f"{_plain(trial.view.row)} ({picture.calibration})")
    _curves(axes[0][2], trial, track)
    figure.suptitle(_plain(trial.view.name), fontsize=8)
    plt.close(figure)
    save(figure, path)
    return True


def draw_dataset(name: str, dataset: Dataset, path: Path) -> None:
    """A dataset as a PNG: 5000 of its samples, and its energy -log p on its domain where it has one.

    Raises:
        UsageError: if it does not live on the plane.
    """
    import torch

    if dataset.domain.kind != "continuous" or dataset.domain.dim != 2:
        raise UsageError(f"a picture is drawn of the plane only; '{name}' has {dataset.domain.dim} coordinates")
    y = dataset.sample(5000, torch.Generator().manual_seed(0)).y.numpy()
    plt, figure, axes = _grid(1, 1 + dataset.has_density)
    figure.set_size_inches(3.5 * (1 + dataset.has_density), 3.7)
    if dataset.has_density:
        energy = -dataset.log_prob(dataset.domain.support(300).points).numpy().reshape(300, 300).T
        _panel(axes[0][0], energy, float(energy.min()), "-log p (nats)")
    box: Any = dataset.domain
    axes[0][-1].plot(y[:, 0], y[:, 1], ",", color="black")
    axes[0][-1].set(xlim=(box.low[0], box.high[0]), ylim=(box.low[1], box.high[1]), title="5000 samples")
    for panel in axes[0]:
        panel.set_box_aspect(1)
    figure.suptitle(_plain(name), fontsize=9)
    plt.close(figure)
    save(figure, path)


def _curves(axes: Axes, trial: TrialResult, track: Track) -> None:
    import pandas as pd
    import seaborn as sns
    from matplotlib.ticker import NullFormatter

    shown = {track.curve.metric, track.curve.ranking}
    points = [
        {"passes": p.passes, "value": p.value, "curve": _plain(f"{p.metric} {p.variant}")}
        for p in trial.curve
        if flat_name(p.metric, p.variant) in shown and p.value is not None
    ]
    axes.set_title(f"{track.curve.title} at milestones (nats)", fontsize=8)
    if not points:
        axes.text(0.5, 0.5, "not trained", ha="center", va="center", fontsize=7, transform=axes.transAxes)
        return
    sns.lineplot(pd.DataFrame(points), x="passes", y="value", hue="curve", marker="o", ax=axes)
    axes.set_xscale("log")
    if track.targets:
        axes.set_yscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("")


def png(figure: Figure) -> bytes:
    """A PNG with no date inside, so that the same numbers give the same bytes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name's letter that the font does not have is a box
        figure.savefig(buffer, dpi=130, format="png", metadata={"Software": None})
    return buffer.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a PNG beside, then rename."""
    with replacing(path) as temporary:
        temporary.write_bytes(png(figure))
