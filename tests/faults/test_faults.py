"""Methods that do everything wrong, all in one suite: each ends as what it is, and nobody else notices."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.runs import Outcome, Place, alive, cmdline, soon

pytestmark = pytest.mark.faults

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

    def forward(self, y):
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
        while not os.path.exists("calm"):
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


class Nurse(Quiet):
    """Hangs beside a child in a session of its own."""

    def loss(self, surface, batch, rng):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        while True:
            pass


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
    Noisy, Parent, Daemon, Nurse, Meddler,
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


def write(place: Place, *methods: str, timeout: str) -> None:
    """The plugin and a suite of some of its methods."""
    (place.folder / "bad.py").write_text(PLUGIN)
    (place.folder / "faults.yaml").write_text(SUITE.format(methods=", ".join(methods), timeout=timeout))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The healthy trials by themselves."""
    here = Place(tmp_path_factory.mktemp("clean"))
    write(here, *HEALTHY, timeout="120s")
    return here.run()


@pytest.fixture(scope="module")
def outcome(place: Place) -> Iterator[Outcome]:
    """All of them together; the healthy ones stand between the others."""
    methods = list(BAD)
    write(place, *methods[:6], *HEALTHY, *methods[6:], *ODD_BUT_OK, timeout="15s")
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
    """Neither workers, nor the server that forks them, nor the child that sleeps for ten minutes."""
    assert soon(lambda: not alive(place.token), 2), [cmdline(process) for process in alive(place.token)]


def test_the_terminal_shows_reasons_and_no_traceback(outcome: Outcome) -> None:
    assert "Traceback" not in outcome.err
    assert "GARBAGE" not in outcome.err
    assert "\x1b" not in outcome.err
    assert "\x07" not in outcome.err
    for method, (status, reason) in BAD.items():
        line = next(line for line in outcome.err.splitlines() if f" {method}/8gaussians/0/cpu" in line)
        assert f"  {status}: {reason}" in line


def test_what_a_worker_printed_is_kept(outcome: Outcome, place: Place) -> None:
    key = outcome.trials["noisy"]["key"]
    log = place.log(key)
    milestones = {point["step"] for point in place.curve(key)} - {5}
    assert milestones, "there are some on the way"
    builds = 3 + len(milestones)
    told = "a surface is built to be trained, to see that it can be built again, and to be measured"
    assert log.count(b"GARBAGE\xff\xfe") == builds * 3001, told
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
    assert 15 <= facts["hangs"]["total_seconds"] < 60, "it spins: its processor time is over first"
    assert 60 <= facts["stubborn"]["total_seconds"] < 75, "it sleeps: four deadlines of wall clock"


def test_failures_stand_in_the_leaderboard(outcome: Outcome, place: Place) -> None:
    assert outcome.code == 1
    board = (place.folder / "results" / "faults" / "leaderboard.md").read_text()
    for method, (status, _) in BAD.items():
        *stands, numbers = [line for line in board.splitlines() if f"| {method} |" in line and "0/1, 1" in line]
        assert len(stands) == 2, "on the boards of density and order"
        assert all(line.startswith(f"| ! | {method} |") and "| failed |" in line for line in stands)
        assert "-1.00 " in numbers
        assert all(f"0/1, 1 {status}" in line for line in (*stands, numbers))


def test_the_next_run_does_not_try_them_again(outcome: Outcome, place: Place) -> None:
    assert outcome.code == 1
    again = place.run()
    assert again.code == 1, "they still did not end ok"
    assert {n: t["status"] for n, t in again.trials.items()} == {n: t["status"] for n, t in outcome.trials.items()}
    assert all(len(place.attempts(trial["key"])) == 1 for trial in again.trials.values())


on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux alone")


@on_linux
def test_a_killed_server_takes_only_what_ran_along(tmp_path: Path) -> None:
    """That is started once more, by another one."""
    here = Place(tmp_path)
    write(here, "quiet", "hangs", "meddler", timeout="100s")
    process = here.start("--workers", "1")
    try:
        assert soon(lambda: here.worker_at("hangs"), 60), "the trial has begun"
        worker = here.worker_at("hangs")
        assert worker is not None
        os.kill(worker.ppid(), signal.SIGKILL)
        assert soon(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 5), "it goes along"
        (tmp_path / "calm").touch()
    finally:
        result = here.end(process)
    assert {name: trial["status"] for name, trial in result.trials.items()} == dict.fromkeys(
        ("quiet", "hangs", "meddler"), "ok"
    )
    attempts = here.attempts(result.trials["hangs"]["key"])
    assert [(attempt["status"], attempt["signal"]) for attempt in attempts] == [("crashed", "SIGKILL"), ("ok", "")]
    assert "hangs/8gaussians/0/cpu: its worker was killed; it is started once more" in result.err
    assert result.code == 0
    assert "Traceback" not in result.err
    assert soon(lambda: not alive(here.token), 2)


@on_linux
def test_a_worker_that_is_killed_again_and_again_is_a_crash(tmp_path: Path) -> None:
    here = Place(tmp_path)
    write(here, "hangs", "quiet", timeout="100s")
    process = here.start("--workers", "1")
    try:
        seen: set[int] = set()
        for _ in range(2):
            assert soon(lambda: (w := here.worker_at("hangs")) and w.pid not in seen, 60), "the trial has begun"
            worker = here.worker_at("hangs")
            assert worker is not None
            seen.add(worker.pid)
            worker.kill()
    finally:
        result = here.end(process)
    assert {name: trial["status"] for name, trial in result.trials.items()} == {"hangs": "crashed", "quiet": "ok"}
    assert result.trials["hangs"]["error"] == "Crash: killed by SIGKILL"
    assert result.code == 1
    assert "Traceback" not in result.err


@on_linux
def test_an_interrupted_run_leaves_nothing_and_is_gone_on_with(tmp_path: Path) -> None:
    here = Place(tmp_path)
    write(here, "quiet", "hangs", timeout="100s")
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
    assert soon(lambda: not alive(here.token), 2), [cmdline(left) for left in alive(here.token)]
    suite = here.folder / "results" / "faults"
    (board,) = suite.glob("runs/*/leaderboard.md")
    assert "| quiet |" in board.read_text(), "what there was is written"
    assert not (suite / "leaderboard.md").exists(), "but it is not the suite's leaderboard"

    (tmp_path / "calm").touch()
    on = here.run()
    assert on.code == 0, on.err
    assert "2 trials, 1 to run, 1 done before" in on.err
    assert {name: trial["status"] for name, trial in on.trials.items()} == {"quiet": "ok", "hangs": "ok"}
    assert len(here.attempts(on.trials["quiet"]["key"])) == 1, "it was not run again"
    assert on.trials["hangs"]["metrics"] == on.trials["quiet"]["metrics"]


@on_linux
@pytest.mark.parametrize("method", ["hangs", "nurse"])
def test_a_killed_run_leaves_no_worker(tmp_path: Path, method: str) -> None:
    """SIGKILL gives nobody the time to clean up; nor is a child of a plugin left, in whatever session it is."""
    here = Place(tmp_path)
    write(here, method, timeout="100s")
    process = here.start("--workers", "1")
    try:
        assert soon(lambda: here.worker_at(method), 60), "the trial has begun"
    finally:
        process.kill()
        _, err = process.communicate()
    assert soon(lambda: not alive(here.token), 5), [cmdline(left) for left in alive(here.token)]
    assert "Traceback" not in err


@on_linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_asked_to_end_writes_what_there_is(tmp_path: Path, number: signal.Signals) -> None:
    """As a node does before it is taken away, or a terminal that is closed."""
    here = Place(tmp_path)
    write(here, "quiet", "hangs", timeout="100s")
    process = here.start("--workers", "1")
    try:
        assert soon(lambda: here.worker_at("hangs"), 60), "the trial has begun"
        process.send_signal(number)
    finally:
        result = here.end(process)
    assert result.code == 128 + number
    assert "terminated" in result.err
    assert "Traceback" not in result.err
    assert soon(lambda: not alive(here.token), 2), [cmdline(left) for left in alive(here.token)]
    (board,) = (here.folder / "results" / "faults").glob("runs/*/leaderboard.md")
    assert "| quiet |" in board.read_text()


@on_linux
def test_a_child_in_a_session_of_its_own_dies_too(tmp_path: Path) -> None:
    here = Place(tmp_path)
    write(here, "daemon", timeout="100s")
    try:
        assert here.run().code == 0
        assert soon(lambda: not alive(here.token), 2), [cmdline(left) for left in alive(here.token)]
    finally:
        for left in alive(here.token):
            left.kill()
