"""What a method itself predicts of y given x: its draws, or what each code of its latent variable says."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ebmbench.errors import NotApplicable
from ebmbench.metrics.conditional import ConditionalEvaluation, FuturesEvaluation, prediction_error
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.metrics.slices import GUESSES, TOLERANCE

CODES = 64
"""Predictions given a context that are held against true draws."""
TRUE_DRAWS = 256
"""True draws given a context; so many that one lies near to every probable y."""


def nearest(points: Tensor, others: Tensor) -> Tensor:
    """The distance of each point to the nearest of the others, context by context: (N, n, d), (N, m, d) -> (N, n)."""
    return torch.cdist(points, others).amin(-1)


def _require_mean(evaluation: Evaluation) -> None:
    """Raise ``NotApplicable`` where the conditional mean is not known, which predictions are held against."""
    if not isinstance(evaluation, ConditionalEvaluation | FuturesEvaluation):
        raise NotApplicable("nothing is predicted where the data depend on no context x")


def predicted(evaluation: Evaluation, n: int, rows: int | None = None) -> Tensor:
    """The method's own ``n`` guesses of y given each context, or the first so many (N, n, d), in float64."""
    _require_mean(evaluation)
    if not evaluation.surface.guesses:
        raise NotApplicable("the method predicts nothing itself: it has an energy alone")
    generator, like = Generator(evaluation.like.device).manual_seed(evaluation.seed), evaluation.like
    with torch.no_grad():
        found = evaluation.surface.given(evaluation.test[:rows].to(like).x).guess(n, generator)
    return found.detach().cpu().double()


def _codes(evaluation: Evaluation) -> Tensor:
    return predicted(evaluation, CODES)


def _true_draws(evaluation: Evaluation) -> Tensor:
    """(N, m, d)."""
    x = evaluation.test.x
    assert x is not None
    generator = Generator().manual_seed(evaluation.seed)
    drawn = evaluation.truth.dataset.sample_given(x.repeat(TRUE_DRAWS, 1), generator)
    return drawn.view(TRUE_DRAWS, len(x), -1).transpose(0, 1).double()


def _near(c: EvalContext, ours: bool) -> float:
    """The share of our predictions near a true draw, or of true draws near one of ours."""
    if isinstance(c.evaluation, FuturesEvaluation):
        raise NotApplicable("noise leads every draw of a picture away from all others: futures_found counts instead")
    predictions, truth = c.evaluation.once(_codes), c.evaluation.once(_true_draws)
    distance = nearest(predictions, truth) if ours else nearest(truth, predictions)
    return float((distance <= TOLERANCE * c.evaluation.spread).double().mean())


# --- the metrics of the catalog --------------------------------------------------------------------------------------


def predicted_1(c: EvalContext) -> float:
    """E = rms(y - guess) / rms(y - m(x)), the method's own guess of y given x, m(x) the true conditional mean.

    Needs the exact density given a context, and a method that predicts.
    """
    return prediction_error(c.evaluation, predicted(c.evaluation, 1))


def predicted_10(c: EvalContext) -> float:
    """E = rms(y - best) / rms(y - m(x)), best = the nearest of ten of the method's own guesses; 1 for the mean.

    Needs the exact density given a context, and a method that predicts.
    """
    return prediction_error(c.evaluation, predicted(c.evaluation, GUESSES))


def prediction_recall(c: EvalContext) -> float:
    """R = the share of true draws of y given x within a tenth of the data's spread of one of 64 predictions.

    Needs the exact density given a context, and a method that predicts.
    """
    return _near(c, ours=False)


def prediction_precision(c: EvalContext) -> float:
    """P = the share of 64 predictions of y given x within a tenth of the data's spread of one of 256 true draws.

    Needs the exact density given a context, and a method that predicts.
    """
    return _near(c, ours=True)


def mean_gap(c: EvalContext) -> float:
    """G = beta E[F(m(x), x) - F(y, x)] in nats, m(x) the true conditional mean, y the test points.

    How much less probable than a true y the blurry average is; below zero where the energy prefers it. Where y is
    noise about one of a few futures, the average of these has the noise of the test point on it, as all data have.
    Needs the exact density given a context.
    """
    _require_mean(c.evaluation)
    held = c.evaluation
    blurry = torch.from_numpy(held.truth.mean_given)
    if isinstance(held, FuturesEvaluation):
        blurry = blurry + held.test.y.double() - held.truth.true_future(held.test)
    return c.beta_used * float((held.energy_at(blurry, held.test.x) - held.energy_test).mean())
