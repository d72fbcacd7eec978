"""What has been mirrored in MLflow, remembered beside the suite's tables; and where the mirror is."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store

LAYOUT = 2
"""Of what stands in the mirror: runs of another layout are left as they are, and new ones written beside them."""


def database(store: Store) -> str:
    """The address of the tracking store: ``MLFLOW_TRACKING_URI`` if it is set, else a database among the results."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(store.root / 'mlflow.db').resolve()}"


class Mirrored:
    """Which trials of which plans are in the mirror: ``mlflow.json`` beside the suite's tables.

    Attributes:
        uri: the address of the mirror.
        experiment: that of the suite.
        parents: the parent run of each plan.
        trials: the child run of each ``plan/key``.
        drawn: which of them have their picture, or will never have one.
    """

    def __init__(self, store: Store, suite: str) -> None:
        self.path = store.suite_dir(suite) / "mlflow.json"
        self.uri = database(store)
        self.experiment = ""
        self.parents: dict[str, str] = {}
        self.trials: dict[str, str] = {}
        self.drawn: set[str] = set()
        self.load()

    def load(self) -> None:
        """Read what was remembered."""
        if self.uri.startswith("sqlite:///") and not Path(self.uri.removeprefix("sqlite:///")).exists():
            return
        try:
            stored = json.loads(self.path.read_text())
            if (stored["uri"], stored["layout"]) == (self.uri, LAYOUT):
                self.parents, self.trials = dict(stored["parents"]), dict(stored["trials"])
                self.experiment, self.drawn = str(stored["experiment"]), set(stored["drawn"])
        except (OSError, ValueError, KeyError, TypeError):
            return

    def save(self) -> None:
        """Remember."""
        stored = {
            "layout": LAYOUT,
            "uri": self.uri,
            "experiment": self.experiment,
            "parents": self.parents,
            "trials": self.trials,
            "drawn": sorted(self.drawn & set(self.trials)),
        }
        write_atomic(self.path, json.dumps(stored, indent=1))


def pages(store: Store) -> dict[str, str]:
    """The pages of the suites that are in the mirror, to be put after the address of MLflow's server.

    They say that they are of models: later versions of MLflow open what is about language models otherwise.
    """
    suites = sorted(path.parent.name for path in store.root.glob("*/mlflow.json"))
    known = {suite: Mirrored(store, suite).experiment for suite in suites}
    return {s: f"#/experiments/{id}/runs?workflowType=machine_learning" for s, id in known.items() if id.isalnum()}
