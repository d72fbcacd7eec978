"""How the mirror is looked at: MLflow's view of models, not of language models."""

from __future__ import annotations

from ebmbench.store.records import RunRecord


def experiment_tags(record: RunRecord) -> dict[str, str]:
    """The tags of a suite's experiment."""
    return {"mlflow.experimentKind": "custom_model_development"}
