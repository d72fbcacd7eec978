"""What stands in the action and the workflows of GitHub.

actionlint (``make workflows``) knows the rules of workflows; of an action that is made of steps it checks nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.stages import ACTION, ROOT, SCRIPTS, STEPS

WORKFLOWS: dict[str, dict[str, Any]] = {
    path.name: YAML(typ="safe").load(path) for path in sorted((ROOT / ".github" / "workflows").iterdir())
}
CI = WORKFLOWS["ci.yml"]
PINNED = re.compile(r"actions/[a-z-]+(/[a-z]+)?@v\d+\.\d+\.\d+")
INPUT = re.compile(r"inputs\.([a-z-]+)")
GIVEN = {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"}
GIVEN |= {"GITHUB_SHA", "RUNNER_TEMP"}
"""Variables that GitHub sets for every script."""


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """The jobs of all workflows, by name."""
    for file, workflow in WORKFLOWS.items():
        for name, job in workflow["jobs"].items():
            yield f"{file}: {name}", job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """All steps, those of the action too."""
    yield from (("action.yml", step) for step in STEPS)
    for name, job in jobs():
        yield from ((name, step) for step in job["steps"])


def test_the_action_is_made_of_steps_and_says_what_each_input_and_output_is() -> None:
    assert {"name", "description", "inputs", "outputs", "runs"} == set(ACTION)
    assert ACTION["runs"]["using"] == "composite"
    assert all(set(said) == {"description", "default"} for said in ACTION["inputs"].values())
    assert all(isinstance(said["default"], str) for said in ACTION["inputs"].values())
    assert all(set(said) == {"description", "value"} for said in ACTION["outputs"].values())


def test_inputs_and_outputs_of_steps_that_are_used_are_declared_and_the_other_way_round() -> None:
    text = json.dumps(ACTION["runs"])
    assert set(INPUT.findall(text)) == set(ACTION["inputs"])
    told = {step["id"]: set(re.findall(r'"?([a-z-]+)=\$', step.get("run", ""))) for step in STEPS if "id" in step}
    told["cached"] = {"cache-primary-key"}
    for step, output in re.findall(r"steps\.([a-z]+)\.outputs\.([a-z-]+)", json.dumps(ACTION)):
        assert output in told[step]
    for step in (step for _, job in jobs() for step in job["steps"] if step.get("uses") == "./"):
        assert set(step["with"]) <= set(ACTION["inputs"])


@pytest.mark.parametrize(("place", "step"), steps())
def test_a_step_runs_a_script_without_expressions_or_a_pinned_action(place: str, step: dict[str, Any]) -> None:
    assert ("run" in step) != ("uses" in step)
    if "uses" in step:
        assert PINNED.fullmatch(step["uses"]) or (step["uses"] == "./" and place != "action.yml")
    else:
        assert "${{" not in step["run"]  # what somebody else may choose is in a variable, and never a part of a script
        assert place != "action.yml" or step["shell"] == "bash"


@pytest.mark.parametrize("step", [step for step in STEPS if "run" in step], ids=list(SCRIPTS))
def test_variables_of_a_script_are_the_steps_own_or_githubs(step: dict[str, Any]) -> None:
    assert set(re.findall(r"\$\{?([A-Z_]+)", step["run"])) <= set(step.get("env", {})) | GIVEN


@pytest.mark.parametrize(("name", "job"), jobs())
def test_a_job_ends_by_itself_and_leaves_no_token_in_the_checkout(name: str, job: dict[str, Any]) -> None:
    assert job["timeout-minutes"] <= 90
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False]
    if any(step.get("uses") == "./" for step in job["steps"]):
        assert checkouts[0]["with"]["fetch-depth"] == 0


def test_nothing_may_be_written_but_what_a_job_needs() -> None:
    assert all(workflow["permissions"] == {"contents": "read"} for workflow in WORKFLOWS.values())
    asked = {name: job["permissions"] for name, job in jobs() if "permissions" in job}
    assert asked == {
        "ci.yml: gate": {"contents": "read", "pull-requests": "write"},
        "ci.yml: history": {"contents": "write"},
    }
    assert all("pull_request_target" not in workflow["on"] for workflow in WORKFLOWS.values())
    assert all("concurrency" in workflow for workflow in WORKFLOWS.values())


def test_the_tests_run_on_every_python_with_a_torch_for_processors() -> None:
    assert CI["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert CI["env"]["PIP_EXTRA_INDEX_URL"].endswith("/whl/cpu")
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()


def test_what_the_readme_tells_to_paste_is_a_workflow_with_inputs_that_there_are() -> None:
    section = (ROOT / "README.md").read_text().partition("## In CI")[2].partition("\n## ")[0]
    (pasted,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    workflow = YAML(typ="safe").load(pasted)
    checkout, *_, action = workflow["jobs"]["gate"]["steps"]
    assert checkout["uses"] == CI["jobs"]["gate"]["steps"][0]["uses"]
    assert checkout["with"]["fetch-depth"] == 0
    assert workflow["permissions"] == CI["jobs"]["gate"]["permissions"]
    assert set(action["with"]) <= set(ACTION["inputs"])
