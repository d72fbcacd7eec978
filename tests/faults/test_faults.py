"""Methods that do everything wrong, all in one suite: each ends as what it is, and nobody else notices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

EBMBENCH = str(Path(sys.executable).with_name("ebmbench"))
TOKEN = "EBMBENCH_TEST_TOKEN"

PLUGIN = '''
import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import numpy
import torch

from ebmbench.api import EnergyKind, GradientMethod, MethodSpec, Strategy, Surface, hookimpl


class Bowl(Surface):
    """F = a |y - m|^2 with a start that is drawn and a little noise in each step."""

    def __init__(self):
        super().__init__()
        self.m = torch.nn.Parameter(torch.randn(2))
        self.a = torch.nn.Parameter(torch.ones(()))

    def forward(self, y, x=None):
        return self.a * (y - self.m).square().sum(-1)


class Quiet(GradientMethod):
    """Does nothing wrong."""

    batch: int = 20

    def build(self, problem):
        self.misbehave()
        return Bowl()

    def misbehave(self):
        pass

    def loss(self, surface, batch, rng):
        noise = 0.1 * torch.randn(batch.y.shape, generator=rng)
        return surface(batch.y + noise).mean() - surface.a.log()


class BuildRaises(Quiet):
    def misbehave(self):
        raise RuntimeError("no \\x1b[31mred\\x07 walls\\nsecond line")


class LossRaises(Quiet):
    def loss(self, surface, batch, rng):
        raise KeyError("lost")


class ReturnsNaN(Quiet):
    def loss(self, surface, batch, rng):
        return super().loss(surface, batch, rng) * float("nan")


class Explodes(Quiet):
    def after_step(self, surface):
        with torch.no_grad():
            surface.a.fill_(1e30)


class Aborts(Quiet):
    def loss(self, surface, batch, rng):
        os.abort()


class Exits(Quiet):
    def loss(self, surface, batch, rng):
        os._exit(3)


class Leaves(Quiet):
    def loss(self, surface, batch, rng):
        sys.exit()


class Hangs(Quiet):
    def loss(self, surface, batch, rng):
        while not os.environ.get("EBMBENCH_TEST_CALM"):
            pass
        return super().loss(surface, batch, rng)


class Stubborn(Quiet):
    def loss(self, surface, batch, rng):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(0.1)


class Hungry(Quiet):
    def loss(self, surface, batch, rng):
        eaten = []
        while True:
            eaten.append(torch.ones(2_000_000))


class Glutton(Quiet):
    """Eats in a child process, where no limit of its own applies."""

    def loss(self, surface, batch, rng):
        code = "import resource as r, time; r.setrlimit(r.RLIMIT_DATA, (r.RLIM_INFINITY, r.RLIM_INFINITY));"
        code += "eaten = [bytearray(b'x') * 100_000_000 for _ in range(16)]; time.sleep(600)"
        subprocess.run([sys.executable, "-c", code])
        return super().loss(surface, batch, rng)


class Noisy(Quiet):
    def misbehave(self):
        for stream in (sys.stdout, sys.stderr):
            print("GARBAGE \\x1b]0;title\\x07 {\\"started\\": 1}", file=stream, flush=True)
        os.write(1, b"GARBAGE\\xff\\xfe\\n" * 3000)
        os.write(2, b"GARBAGE\\xff\\xfe no newline")


class Parent(Quiet):
    def misbehave(self):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


class Daemon(Quiet):
    def misbehave(self):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)


class Meddler(Quiet):
    def misbehave(self):
        state = torch.random.get_rng_state()
        os.chdir("/")
        os.environ.clear()
        random.seed(0)
        numpy.random.seed(0)
        torch.random.set_rng_state(state)

    def loss(self, surface, batch, rng):
        torch.manual_seed(0)
        torch.rand(17)
        return super().loss(surface, batch, rng)


METHODS = [
    Quiet, BuildRaises, LossRaises, ReturnsNaN, Explodes, Aborts, Exits, Leaves, Hangs, Stubborn, Hungry, Glutton,
    Noisy, Parent, Daemon, Meddler,
]


@hookimpl
def ebmbench_methods():
    for cls in METHODS:
        yield MethodSpec(cls.__name__.lower(), cls, Strategy.C2, EnergyKind.DENSITY, "a fault")
'''

SUITE = """\
name: faults
datasets: [8gaussians]
data: {{set: 200, validation: 200, test: 200}}
methods: [{methods}]
budget: {{steps: 5}}
seeds: 1
metrics: [skill]
timeout: {timeout}
memory: 500MB
plugins: [./bad.py]
"""

HEALTHY = ("{name: gmm, components: 2}", "nce", "quiet")
BAD = {
    "buildraises": ("failed", "RuntimeError: no \N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER} walls"),
    "lossraises": ("failed", "KeyError: 'lost'"),
    "returnsnan": ("diverged", "Diverged: loss is nan at step"),
    "explodes": ("diverged", "Diverged: the energy of a data point is"),
    "aborts": ("crashed", "Crash: killed by SIGABRT"),
    "exits": ("crashed", "Crash: exited with code 3 and no result"),
    "leaves": ("failed", "SystemExit"),
    "hangs": ("timeout", "Timeout: not done after"),
    "stubborn": ("timeout", "Timeout: not done after"),
    "hungry": ("oom", ""),
    "glutton": ("oom", "MemoryCap: used"),
}
ODD_BUT_OK = ("noisy", "parent", "meddler")


def environment(token: str, **more: str) -> dict[str, str]:
    """Every process of a run can be told by the token."""
    return {**os.environ, TOKEN: token, "COLUMNS": "200", **more}


def alive(token: str) -> list[psutil.Process]:
    """The processes of a run that still live."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN) == token and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def soon(condition: Callable[[], object], seconds: float) -> bool:
    """Whether the condition comes true within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


@dataclass
class Place:
    """A folder with the plugin, a suite and its results."""

    folder: Path
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def write(self, *methods: str, timeout: str) -> None:
        (self.folder / "bad.py").write_text(PLUGIN)
        (self.folder / "faults.yaml").write_text(SUITE.format(methods=", ".join(methods), timeout=timeout))

    @property
    def command(self) -> list[str]:
        return [EBMBENCH, "run", "faults.yaml", "--json"]

    def start(self, *options: str, **environ: str) -> subprocess.Popen[str]:
        """Start a run in the background, listening to SIGINT even where the tests themselves do not."""
        return subprocess.Popen(
            [*self.command, *options],
            cwd=self.folder,
            env=environment(self.token, **environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
        )

    def run(self, *options: str, **environ: str) -> Outcome:
        process = self.start(*options, **environ)
        return self.end(process)

    def end(self, process: subprocess.Popen[str]) -> Outcome:
        try:
            out, err = process.communicate(timeout=150)
        finally:
            for left in alive(self.token) if process.poll() is None else []:
                left.kill()
        return Outcome(process.returncode, out, err)

    def attempts(self, key: str) -> list[dict[str, Any]]:
        path = self.folder / "results" / "trials" / key[:2] / key / "attempts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def log(self, key: str) -> bytes:
        return (self.folder / "results" / "trials" / key[:2] / key / "log.txt").read_bytes()

    def worker_at(self, method: str) -> psutil.Process | None:
        """The process that works on a trial of the method, once it has come to its steps."""
        workers = [p for p in alive(self.token) if "ebmbench.harness.zygote" in " ".join(_cmdline(p))]
        forked = [p for p in workers if p.ppid() in {w.pid for w in workers}]
        for path in (self.folder / "results" / "trials").glob("*/*/trial.json"):
            if json.loads(path.read_text())["method"]["name"] == method and not path.with_name("DONE").exists():
                return forked[0] if forked and forked[0].cpu_times().user > 0.2 else None
        return None


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@dataclass
class Outcome:
    """What a run said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def trials(self) -> dict[str, dict[str, Any]]:
        return {trial["name"].partition("/")[0]: trial for trial in json.loads(self.out)["trials"]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The healthy trials by themselves."""
    here = Place(tmp_path_factory.mktemp("clean"))
    here.write(*HEALTHY, timeout="120s")
    return here.run()


@pytest.fixture(scope="module")
def outcome(place: Place) -> Iterator[Outcome]:
    """All of them together; the healthy ones stand between the others."""
    methods = list(BAD)
    place.write(*methods[:6], *HEALTHY, *methods[6:], *ODD_BUT_OK, timeout="15s")
    yield place.run("--workers", "2")
    for left in alive(place.token):
        left.kill()


def test_the_clean_run_is_ok(clean: Outcome) -> None:
    assert clean.code == 0, clean.err
    assert {trial["status"] for trial in clean.trials.values()} == {"ok"}


@pytest.mark.parametrize("method", BAD)
def test_a_bad_trial_ends_as_what_it_is(outcome: Outcome, method: str) -> None:
    status, reason = BAD[method]
    trial = outcome.trials[method]
    assert trial["status"] == status, trial["error"]
    assert trial["error"].startswith(reason)
    assert trial["error"], "there is always a reason"
    assert trial["metrics"] == {}, "no number of a trial that failed counts"


def test_some_trials_did_not_end_ok(outcome: Outcome) -> None:
    assert outcome.code == 1


@pytest.mark.parametrize("method", ["gmm", "nce", "quiet"])
def test_healthy_trials_have_the_numbers_of_a_run_without_bad_ones(
    outcome: Outcome, clean: Outcome, method: str
) -> None:
    assert outcome.trials[method]["status"] == "ok", outcome.trials[method]["error"]
    assert outcome.trials[method]["metrics"] == clean.trials[method]["metrics"]
    assert set(outcome.trials[method]["metrics"]) >= {"skill", "kl", "kl_beta", "kl_iso"}


@pytest.mark.parametrize("method", ODD_BUT_OK)
def test_noise_children_and_meddling_change_no_number(outcome: Outcome, method: str) -> None:
    """They train as ``quiet`` does."""
    assert outcome.trials[method]["status"] == "ok", outcome.trials[method]["error"]
    assert outcome.trials[method]["metrics"] == outcome.trials["quiet"]["metrics"]


def test_no_process_is_left(outcome: Outcome, place: Place) -> None:
    """Neither workers, nor the zygote, nor the child that sleeps for ten minutes."""
    assert soon(lambda: not alive(place.token), 2), [_cmdline(process) for process in alive(place.token)]


def test_the_terminal_shows_reasons_and_no_traceback(outcome: Outcome) -> None:
    assert "Traceback" not in outcome.err
    assert "GARBAGE" not in outcome.err
    assert "\x1b" not in outcome.err
    assert "\x07" not in outcome.err
    for method, (status, reason) in BAD.items():
        line = next(line for line in outcome.err.splitlines() if f" {method}/8gaussians/0/cpu" in line)
        assert f"  {status}: {reason}" in line


def test_what_a_worker_printed_is_kept(outcome: Outcome, place: Place) -> None:
    log = place.log(outcome.trials["noisy"]["key"])
    assert log.count(b"GARBAGE\xff\xfe") == 2 * 3001, "a surface is built once to be trained, once to be measured"
    assert b"GARBAGE \x1b]0;title\x07" in log
    assert b"Traceback" in place.log(outcome.trials["lossraises"]["key"])


def test_every_end_is_a_line_with_its_facts(outcome: Outcome, place: Place) -> None:
    attempts = {name: place.attempts(trial["key"]) for name, trial in outcome.trials.items()}
    assert {name: len(lines) for name, lines in attempts.items()} == dict.fromkeys(attempts, 1)
    facts = {name: lines[-1] for name, lines in attempts.items()}
    assert facts["aborts"]["signal"] == "SIGABRT"
    assert any("Fatal Python error: Aborted" in line for line in facts["aborts"]["stderr"])
    assert facts["exits"]["exit_code"] == 3
    assert facts["hangs"]["signal"] == "SIGTERM"
    assert facts["stubborn"]["signal"] == "SIGKILL"
    assert all(15 <= facts[name]["total_seconds"] < 30 for name in ("hangs", "stubborn"))


def test_failures_stand_in_the_leaderboard(outcome: Outcome, place: Place) -> None:
    assert outcome.code == 1
    board = (place.folder / "results" / "faults" / "leaderboard.md").read_text()
    for method, (status, _) in BAD.items():
        row = next(line for line in board.splitlines() if f"| {method} |" in line)
        assert "-1.000" in row
        assert f"0/1, 1 {status}" in row


def test_the_next_run_does_not_try_them_again(outcome: Outcome, place: Place) -> None:
    assert outcome.code == 1
    again = place.run()
    assert again.code == 1, "they still did not end ok"
    assert {n: t["status"] for n, t in again.trials.items()} == {n: t["status"] for n, t in outcome.trials.items()}
    assert all(len(place.attempts(trial["key"])) == 1 for trial in again.trials.values())


on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux alone")


@on_linux
def test_a_killed_zygote_takes_only_what_ran_along(tmp_path: Path) -> None:
    """The next trials get another one."""
    here = Place(tmp_path)
    here.write("quiet", "hangs", "meddler", timeout="100s")
    process = here.start("--workers", "1")
    try:
        assert soon(lambda: here.worker_at("hangs"), 60), "the trial has begun"
        worker = here.worker_at("hangs")
        assert worker is not None
        os.kill(worker.ppid(), signal.SIGKILL)
        assert soon(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 5), "it goes along"
    finally:
        result = here.end(process)
    statuses = {name: trial["status"] for name, trial in result.trials.items()}
    assert statuses == {"quiet": "ok", "hangs": "crashed", "meddler": "ok"}
    assert result.trials["hangs"]["error"] == "Crash: killed by SIGKILL"
    assert result.code == 1
    assert "Traceback" not in result.err
    assert soon(lambda: not alive(here.token), 2)


@on_linux
def test_an_interrupted_run_leaves_nothing_and_is_gone_on_with(tmp_path: Path) -> None:
    here = Place(tmp_path)
    here.write("quiet", "hangs", timeout="100s")
    process = here.start("--workers", "1")
    try:
        assert soon(lambda: here.worker_at("hangs"), 60), "the trial has begun"
        process.send_signal(signal.SIGINT)
    finally:
        result = here.end(process)
    assert result.code == 130, result.err
    assert result.out == ""
    assert "interrupted" in result.err
    assert "Traceback" not in result.err
    assert soon(lambda: not alive(here.token), 2), [_cmdline(left) for left in alive(here.token)]
    suite = here.folder / "results" / "faults"
    (board,) = suite.glob("runs/*/leaderboard.md")
    assert "| quiet |" in board.read_text(), "what there was is written"
    assert not (suite / "leaderboard.md").exists(), "but it is not the suite's leaderboard"

    on = here.run(EBMBENCH_TEST_CALM="1")
    assert on.code == 0, on.err
    assert "2 trials, 1 to run, 1 done before" in on.err
    assert {name: trial["status"] for name, trial in on.trials.items()} == {"quiet": "ok", "hangs": "ok"}
    assert len(here.attempts(on.trials["quiet"]["key"])) == 1, "it was not run again"
    assert on.trials["hangs"]["metrics"] == on.trials["quiet"]["metrics"]


@on_linux
def test_a_killed_run_leaves_no_worker(tmp_path: Path) -> None:
    """SIGKILL gives nobody the time to clean up."""
    here = Place(tmp_path)
    here.write("hangs", timeout="100s")
    process = here.start("--workers", "1")
    try:
        assert soon(lambda: here.worker_at("hangs"), 60), "the trial has begun"
    finally:
        process.kill()
        process.communicate()
    assert soon(lambda: not alive(here.token), 5), [_cmdline(left) for left in alive(here.token)]


@on_linux
def test_a_child_in_a_session_of_its_own_dies_too(tmp_path: Path) -> None:
    here = Place(tmp_path)
    here.write("daemon", timeout="100s")
    try:
        assert here.run().code == 0
        assert soon(lambda: not alive(here.token), 2), [_cmdline(left) for left in alive(here.token)]
    finally:
        for left in alive(here.token):
            left.kill()
