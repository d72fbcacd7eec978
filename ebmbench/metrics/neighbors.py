"""Samples against data by neighborhoods: precision, recall, density, coverage, and a classifier two-sample test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ebmbench.metrics.context import EvalContext
from ebmbench.truth.normalizer import Array

NEIGHBORS = 5
CLASSIFIED = 2000
"""Points of each class in the two-sample test."""


def ball_counts(centers: Array, points: Array, k: int) -> NDArray[np.int64]:
    """How many balls about ``centers`` hold each of the ``points``, a ball reaching to its center's k-th neighbor.

    Args:
        centers: (n, d).
        points: (m, d).
        k: neighbors among the centers, the center itself not counted.

    Returns:
        The counts, (m,).
    """
    from scipy.spatial import cKDTree

    inside = np.nextafter(reach(centers, k), 0.0) * (1 - 1e-12)  # the tree's own balls are closed
    found = cKDTree(points).query_ball_point(centers, inside)
    return np.bincount(np.concatenate(found).astype(np.int64), minlength=len(points))


def reach(centers: Array, k: int) -> Array:
    """The distance of each center to its k-th neighbor among the others, (n,)."""
    from sklearn.neighbors import NearestNeighbors

    distance, _ = NearestNeighbors(n_neighbors=k + 1).fit(centers).kneighbors(centers)
    return np.asarray(distance[:, k], dtype=np.float64)


def covered(centers: Array, points: Array, k: int) -> float:
    """The share of the centers whose ball holds at least one of the points."""
    from sklearn.neighbors import NearestNeighbors

    nearest, _ = NearestNeighbors(n_neighbors=1).fit(points).kneighbors(centers)
    return float((nearest[:, 0] < reach(centers, k)).mean())


def classifier_accuracy(x: Array, y: Array, seed: int) -> float:
    """Five-fold cross-validated accuracy of telling x from y with gradient-boosted trees; 1/2 when they are alike."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    classifier = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=16, early_stopping=False, random_state=seed)
    labels = np.repeat([0, 1], [len(x), len(y)])
    return float(cross_val_score(classifier, np.concatenate([x, y]), labels, cv=folds).mean())


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def _both(c: EvalContext, n: int) -> tuple[Array, Array]:
    n = min(n, len(c.evaluation.test))
    return _array(c.reference(n)), _array(c.samples(n))


def _array(points: Tensor) -> Array:
    return np.asarray(points.numpy(), dtype=np.float64)


def _neighbors(c: EvalContext) -> tuple[Array, Array]:
    """Data and samples whose neighbors lie at distances of their own.

    Raises:
        NotApplicable: on bits, where points coincide and a ball has no inside.
    """
    c.truth.require_continuous("bits coincide: the distance to a neighbor is a tie")
    return _both(c, c.evaluation.protocol.samples)


def precision(c: EvalContext) -> float:
    """P = the share of samples that lie in a ball of the data (Kynkaanniemi et al. 2019).

    Needs samples and test points that do not coincide.
    """
    data, samples = _neighbors(c)
    return float((ball_counts(data, samples, NEIGHBORS) > 0).mean())


def recall(c: EvalContext) -> float:
    """R = the share of data that lie in a ball of the samples (Kynkaanniemi et al. 2019).

    Needs samples and test points that do not coincide.
    """
    data, samples = _neighbors(c)
    return float((ball_counts(samples, data, NEIGHBORS) > 0).mean())


def density(c: EvalContext) -> float:
    """D = the mean number of data balls that hold a sample / k (Naeem et al. 2020).

    Needs samples and test points that do not coincide.
    """
    data, samples = _neighbors(c)
    return float(ball_counts(data, samples, NEIGHBORS).mean() / NEIGHBORS)


def coverage(c: EvalContext) -> float:
    """C = the share of data whose ball holds a sample (Naeem et al. 2020); 1 - 2^-k for the truth.

    Needs samples and test points that do not coincide.
    """
    data, samples = _neighbors(c)
    return covered(data, samples, NEIGHBORS)


def c2st(c: EvalContext) -> float:
    """accuracy = the share of held-out rows, samples or data, that a classifier of the two tells right.

    Needs samples and test points.
    """
    data, samples = _both(c, CLASSIFIED)
    return classifier_accuracy(data, samples, c.evaluation.seed % 2**32)
