"""What is foreseen of pictures to come: whether the futures are found, how sharp they are, and how probable.

Guesses are the method's own where it has any: its draws, or what its codes are decoded to. An energy without them is
gone down from draws of the best linear prediction: as many steps for every energy, whatever it was trained with.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from ebmbench.contracts.domain import Box
from ebmbench.contracts.exponentials import exp
from ebmbench.contracts.problem import Context
from ebmbench.contracts.surface import bound
from ebmbench.errors import NotApplicable
from ebmbench.metrics.conditional import FuturesEvaluation
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluation import CHUNK, Evaluation
from ebmbench.metrics.pits import fall
from ebmbench.metrics.predictions import predicted
from ebmbench.metrics.slices import GUESSES
from ebmbench.parts.noise import LinearGaussian
from ebmbench.truth.normalizer import Array

ROWS = 128
"""Test rows that are guessed."""
TRIES = 20
"""Guesses among which the futures are sought: a future of weight 0.2 is missed by one sampler in 90."""
DESCENT = 60
"""Steps of a descent, the first of ``STRIDE`` of what the data stray: 61 gradients a guess, whatever the energy."""
STRIDE = 0.1
RIDGE = 1e-3
"""Of the data's variance, added to that of the linear prediction."""
NEAR = 0.25
"""Of the way between two futures."""
GRAIN = 2.0
"""How many times the mean square of the noise a guess may be off a future beside that way."""


def _futures(evaluation: Evaluation) -> FuturesEvaluation:
    if not isinstance(evaluation, FuturesEvaluation):
        raise NotApplicable("the data have no few futures given a context x")
    return evaluation


# --- guesses ---------------------------------------------------------------------------------------------------------


def linear_prediction(evaluation: FuturesEvaluation) -> LinearGaussian:
    """The normal about the best linear prediction of y from x, by the moments of the validation points."""
    y, x = evaluation.validation.y.double(), evaluation.validation.x
    assert x is not None
    d, space = y.shape[1], evaluation.truth.dataset.context
    assert space is not None
    joint = torch.cov(torch.cat([y, x.double()], 1).T)
    seen = Context(space, x.double().mean(0), joint[d:, d:], joint[d:, :d])
    ridge = RIDGE * evaluation.spread**2 * torch.eye(d, dtype=torch.float64)
    return LinearGaussian(y.mean(0), joint[:d, :d] + ridge, seen, 1.0)


def completed(evaluation: FuturesEvaluation, n: int, rows: int) -> Tensor:
    """``n`` ends (rows, n, d) of descents of the energy given each context, in float64."""
    x = evaluation.test[:rows].x
    assert x is not None
    many = x.double().repeat_interleave(n, 0)
    start = bound(linear_prediction(evaluation), many).sample(len(many), Generator().manual_seed(evaluation.seed))
    length = STRIDE * evaluation.spread * start.shape[1] ** 0.5
    parts = zip(torch.split(start, CHUNK), torch.split(many, CHUNK), strict=True)
    like = evaluation.like
    ends = [fall(evaluation.surface.given(there.to(like)), y.to(like), length, DESCENT) for y, there in parts]
    return torch.cat(ends).cpu().double().view(rows, n, -1)


def _completions(evaluation: Evaluation) -> Tensor:
    held = _futures(evaluation)
    return completed(held, TRIES, min(ROWS, len(held.test)))


def guesses(c: EvalContext, n: int) -> Tensor:
    """``n`` guesses for each of the first test rows (rows, n, d), with a remark where they are completions."""
    held = _futures(c.evaluation)
    if held.surface.guesses:
        return predicted(held, n, ROWS)
    c.remarks.append(f"the method guesses nothing itself: completed by {DESCENT} steps down its energy")
    return held.once(_completions)[:, :n]


# --- what they are held against --------------------------------------------------------------------------------------


def steepness(frames: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The sum of squared differences of neighboring pixels, (..., d) -> (...,)."""
    picture = frames.reshape(*frames.shape[:-1], *shape)
    down, across = picture.diff(dim=-2), picture.diff(dim=-1)
    return down.square().flatten(frames.ndim - 1).sum(-1) + across.square().flatten(frames.ndim - 1).sum(-1)


def hits(guessed: Tensor, future: Tensor, noise: float) -> Tensor:
    """Which guesses (N, n, d) are at which futures (N, K, d), as booleans (N, n, K).

    Along the ways between the futures no farther than a quarter of the way to the next one; beside them no farther than
    twice the mean square of the noise, so that a draw with its noise counts, and a blank frame does not.
    """
    base = future[:, :1]
    basis = torch.linalg.qr((future[:, 1:] - base).transpose(1, 2)).Q
    ours, theirs = (guessed - base) @ basis, (future - base) @ basis
    apart = torch.cdist(theirs, theirs)
    apart = apart.masked_fill(torch.eye(apart.shape[1], dtype=torch.bool), torch.inf).amin(-1)
    beside = (guessed - base).square().sum(-1) - ours.square().sum(-1)
    found: Tensor = (torch.cdist(ours, theirs) <= NEAR * apart[:, None]) & (beside <= GRAIN * noise)[..., None]
    return found


def odds(energies: Array, beta: float) -> Array:
    """softmax over k of -beta F_k, (N, K)."""
    weight = exp(-beta * (energies - energies.min(1, keepdims=True)))
    return np.asarray(weight / weight.sum(1, keepdims=True))


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def foreseen_10(c: EvalContext) -> float:
    """rms(f - best) / rms(f - m(x)), f the future that comes true, best = the nearest of ten guesses, m(x) the mean.

    The method's own guesses, or else ends of descents of its energy. 1 for the true conditional mean, which is the
    least error of any single guess, 0 where a guess is at the future; its noise, which nobody foresees, is left out.
    Needs the exact density given a context, and its futures.
    """
    held, found = _futures(c.evaluation), guesses(c, GUESSES)
    future, mean = held.truth.true_future(held.test[: len(found)]), torch.from_numpy(held.truth.mean_given)
    best = (found - future[:, None]).square().sum(-1).amin(1)
    return float((best.mean() / (mean[: len(found)] - future).square().sum(-1).mean()).sqrt())


def sharpness(c: EvalContext) -> float:
    """S = E|grad guess|^2 / E|grad future|^2, grad the differences of neighboring pixels.

    1 for the truth, below it for what is blurred: futures w1, w2, ... that do not overlap blur to sum w^2 beside what
    does not move. Noise on a guess counts, and leads above 1.
    Needs the exact density given a context, and its futures in pixels.
    """
    held = _futures(c.evaluation)
    box = held.truth.dataset.domain
    if not isinstance(box, Box) or not box.is_picture:
        raise NotApplicable("only pictures are sharp or blurred")
    found, (future, weight) = guesses(c, GUESSES), held.truth.futures
    due = (weight * steepness(future, box.shape)).sum(-1)[: len(found)]
    return float(steepness(found, box.shape).mean() / due.mean())


def futures_found(c: EvalContext) -> float:
    """R = the share of the futures, rows by rows, that one of twenty guesses is at.

    Needs the exact density given a context, and its futures.
    """
    held = _futures(c.evaluation)
    noise = float((held.test.y.double() - held.truth.true_future(held.test)).square().sum(-1).mean())
    found = guesses(c, TRIES)
    return float(hits(found, held.truth.futures[0][: len(found)], noise).any(1).double().mean())


def futures_odds_error(c: EvalContext) -> float:
    """E sum_k |q_k - w_k| / 2, q_k = softmax_k(-beta F(f_k + e, x)), w_k the true odds of the futures f_k.

    e is the test row's own noise, the same on each future: the true odds do not hang on it. The temperature is 1, or
    the one at which the odds are likeliest on validation rows. 0 for the truth, 1 - min w at most by one sure future.
    Needs the exact density given a context, and its futures.
    """
    held = _futures(c.evaluation)
    found = odds(held.test_futures, c.beta_used)
    return float(np.abs(found - held.truth.futures[1].numpy()).sum(1).mean() / 2)
