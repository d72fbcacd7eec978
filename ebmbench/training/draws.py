"""What is drawn is as many rows as were asked for: a source of fewer would be waited for until the deadline."""

from __future__ import annotations

from ebmbench.contracts.dataset import Batch
from ebmbench.errors import UsageError
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.store.records import TrialSpec
from ebmbench.training.components import TrialComponents
from ebmbench.training.seeding import generator
from ebmbench.training.stream import BLOCK


def check_data(components: TrialComponents) -> None:
    """See that the dataset's sampler gives the rows that it is asked for: a block to train on, and the held-out rows.

    Raises:
        UsageError: if it does not; the message names the dataset and both shapes.
    """
    spec, dataset = components.spec, components.dataset
    if dataset.rows() is not None:
        return
    _check_batch(components, BLOCK, dataset.sample(BLOCK, generator("train", spec.seed, 0)))
    validation, test = components.held_out
    _check_batch(components, spec.data.validation, validation)
    _check_batch(components, spec.data.test, test)


def check_samples(spec: TrialSpec, evaluation: Evaluation) -> None:
    """See that the method's own sampler, if it has one, has given the rows that it was asked for.

    Raises:
        UsageError: if it has not; the message names the method and both shapes.
    """
    if not evaluation.surface.samples_natively:
        return
    test = evaluation.reference
    n = spec.protocol.samples if test.x is None else min(spec.protocol.samples, len(test))
    expected, found = (n, test.y.shape[1]), tuple(evaluation.native_samples.shape)
    if found != expected:
        raise UsageError(f"{spec.method.name}: sample({n}): expected samples {expected}, got {found}")


def _check_batch(components: TrialComponents, n: int, batch: Batch) -> None:
    asked, dataset = f"{components.spec.dataset.name}: sample({n})", components.dataset
    if not isinstance(batch, Batch):
        raise UsageError(f"{asked}: expected a Batch, got a {type(batch).__name__}")
    for part, values, domain in (("y", batch.y, dataset.domain), ("x", batch.x, dataset.context)):
        expected = None if domain is None else (n, domain.dim)
        found = None if values is None else tuple(values.shape)
        if found != expected:
            raise UsageError(f"{asked}: expected {part} {expected}, got {found}")
