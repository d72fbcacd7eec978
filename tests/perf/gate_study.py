"""How often a gate is wrong, and how often it finds what is there: by simulation from recorded noise, and in earnest.

    python -m tests.perf.gate_study record noise.jsonl      # A/A pairs of time, and losses by seed, on this machine
    python -m tests.perf.gate_study simulate noise.jsonl    # 1,000 gates of each kind, a table in Markdown
    python -m tests.perf.gate_study real -n 8               # gates of planted changes, in worktrees of the last commit

The changes are planted in `nce`: its step takes 5 % longer; its KL is 1.2 times as large; it takes one more gradient.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from ebmbench.gate.cases import MAX_SEEDS, QUALITY, TIME
from ebmbench.gate.gate import FALSE_ALARMS
from ebmbench.gate.quality import Ended
from ebmbench.gate.sides import Side, Work
from ebmbench.gate.timing import pairs
from ebmbench.gate.trees import head_tree, tree_of
from ebmbench.gate.verdicts import Measure, Verdict, judged
from ebmbench.suite.loading import read_suite
from ebmbench.suite.tree import plain

GATES = 1000
MINUTES = 10
INTERVALS = 2
"""Of a gate of a change that touches one method: its time and its quality."""
PLACE = Path("plugins/ebmbench_plugins/c2_chosen_points/nce.py")
LOSS = "        noise = surface.noise.sample"
SLOWER = """\
        import time

        begun = time.process_time()
        since = min(begun - globals().get("_ended", begun), 1.0)
        while time.process_time() < begun + 0.05 * since:
            pass
        globals()["_ended"] = time.process_time()
"""
WORSE = """\
        globals()["_calls"] = globals().get("_calls", 0) + 1
        if globals()["_calls"] % {every} == 0:
            return 0.0 * surface.log_ratio(batch.y).sum()
"""
GRADIENT = """\
        torch.autograd.grad(surface.log_ratio(batch.y).sum(), list(surface.parameters()), allow_unused=True)
"""


@dataclass(frozen=True)
class Noise:
    """One recorded number: of time, the log ratio of a pair of equal code; of quality, the log loss at a seed."""

    measure: str
    method: str
    value: float
    seconds: float


def record(file: Path, number: int, keyword: str | None, results: Path) -> None:
    """Pairs of equal code, and losses of as many seeds as a gate would run."""
    head = head_tree(Path())
    _, source = read_suite("smoke")
    work = Work(dict(plain(source.tree)), Path("suites"), results, keyword)
    results.mkdir(parents=True, exist_ok=True)
    log = results / "log.txt"
    with tree_of(head, "HEAD", results / "gate", "base", "--base") as base, file.open("a", encoding="utf-8") as out:
        with Side(head, log) as side:
            side.open(work, [0])
            plan = side.ask("plan")["trials"]
        names = [name for name, said in plan.items() if not said["reference"]]
        for _ in range(number):
            begun = time.monotonic()
            for pair in pairs(base, head, work, names, 0, log):
                noise = Noise(Measure.TIME, pair.trial.partition("/")[0], pair.ratio, time.monotonic() - begun)
                out.write(json.dumps(asdict(noise)) + "\n")
                out.flush()
                begun = time.monotonic()


def losses(file: Path, seeds: int, keyword: str | None, results: Path) -> None:
    """The log KL of each method at each seed."""
    head = head_tree(Path())
    _, source = read_suite("smoke")
    work = Work(dict(plain(source.tree)), Path("suites"), results, keyword)
    with Side(head, results / "log.txt") as side, file.open("a", encoding="utf-8") as out:
        side.open(work, list(range(seeds)))
        names = [name for name, said in side.ask("plan")["trials"].items() if not said["reference"]]
        for name, ended in Ended.of(side.ask("run", 86_400, trials=names, workers=2)).items():
            kl = ended.values.get("kl_beta", math.nan)
            if kl > 0:
                out.write(json.dumps(asdict(Noise(Measure.QUALITY, name.partition("/")[0], math.log(kl), 0.0))) + "\n")


def simulate(noise: Sequence[Noise]) -> Iterator[tuple[str, Counter[str], float]]:
    """A thousand gates of each kind: what they said, and the median number of pairs."""
    chance = random.Random(0)
    times = [one for one in noise if one.measure == Measure.TIME]
    by_method: dict[str, list[Noise]] = {}
    for one in times:
        by_method.setdefault(one.method, []).append(one)
    for title, change in (("time, equal code", 0.0), ("time, 5 % slower", math.log(1.05))):
        yield _gates(title, partial(_timed, list(by_method.values()), change, chance))
    seeds: dict[str, list[float]] = {}
    for one in noise:
        if one.measure == Measure.QUALITY:
            seeds.setdefault(one.method, []).append(one.value)
    if seeds:
        kinds = (("quality, equal distribution, other seeds", 0.0), ("quality, KL x 1.2, other seeds", math.log(1.2)))
        for title, change in kinds:
            yield _gates(title, partial(_ran, list(seeds.values()), change, chance))


def _gates(title: str, gate: Callable[[], tuple[Verdict, int]]) -> tuple[str, Counter[str], float]:
    said = [gate() for _ in range(GATES)]
    numbers = sorted(number for _, number in said)
    return title, Counter(str(verdict) for verdict, _ in said), numbers[len(numbers) // 2]


def _timed(methods: Sequence[Sequence[Noise]], change: float, chance: random.Random) -> tuple[Verdict, int]:
    """Pairs of some method in turn until it is decided or ten minutes are over."""
    noise = chance.choice(methods)
    found: list[float] = []
    spent = 0.0
    while spent < 60 * MINUTES:
        one = chance.choice(noise)
        found.append(one.value + change)
        spent += one.seconds
        verdict = judged("", Measure.TIME, "", found, math.log1p(TIME), FALSE_ALARMS / INTERVALS).verdict
        if verdict is not Verdict.UNDECIDED:
            return verdict, len(found)
    return Verdict.UNDECIDED, len(found)


def _ran(methods: Sequence[Sequence[float]], change: float, chance: random.Random) -> tuple[Verdict, int]:
    """Seeds of some method in turn: both sides from other seeds, as where a change draws all random numbers anew."""
    losses = chance.choice(methods)
    found: list[float] = []
    for number in range(1, MAX_SEEDS + 1):
        found.append(chance.choice(losses) - chance.choice(losses) + change)
        verdict = judged("", Measure.QUALITY, "", found, math.log1p(QUALITY), FALSE_ALARMS / INTERVALS).verdict
        if verdict is not Verdict.UNDECIDED:
            return verdict, number
    return Verdict.UNDECIDED, MAX_SEEDS


def real(times: int, results: Path, every: int) -> Iterator[tuple[str, list[str], float]]:
    """Gates in earnest, on this machine: what each said of `nce`, and the median of their seconds."""
    plants = {
        "equal code": "",
        "5 % slower": SLOWER,
        "KL x 1.2": WORSE.format(every=every),
        "one more gradient": GRADIENT,
    }
    for title, lines in plants.items():
        verdicts, seconds = [], []
        for _ in range(times):
            begun = time.monotonic()
            verdicts.append(_planted(lines, results))
            seconds.append(time.monotonic() - begun)
        yield title, verdicts, sorted(seconds)[len(seconds) // 2]


def _planted(lines: str, results: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", ".", str(clone)], check=True)
        text = (clone / PLACE).read_text()
        (clone / PLACE).write_text(text.replace(LOSS, lines + LOSS))
        command = [str(Path(sys.executable).with_name("ebmbench")), "gate", "--json", "-k", "nce", "--all"]
        path = f"{clone}:{clone / 'plugins'}"
        done = subprocess.run(
            [*command, "--results", str(results.resolve())],
            cwd=clone,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "HOME": folder},
            capture_output=True,
            text=True,
            check=False,
        )
    said = json.loads(done.stdout)
    return (
        ", ".join(f"{one['name']} {one['verdict']}" for one in said["findings"] if one["verdict"] != "same") or "same"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["record", "simulate", "real"])
    parser.add_argument("file", nargs="?", type=Path, default=Path("noise.jsonl"))
    parser.add_argument("-n", type=int, default=40, help="pairs, seeds or gates")
    parser.add_argument("-k", help="only trials whose name matches")
    parser.add_argument("--every", type=int, default=12, help="steps that are lost: one in so many")
    parser.add_argument("--results", type=Path, default=Path("results") / "gate-study")
    given = parser.parse_args()
    if given.what == "record":
        record(given.file, given.n, given.k, given.results)
        losses(given.file, given.n, given.k, given.results)
    elif given.what == "simulate":
        noise = [Noise(**json.loads(line)) for line in given.file.read_text().splitlines()]
        print("| gates | same | regressed | better | undecided | pairs |\n|---|---|---|---|---|---|")
        for title, said, number in simulate(noise):
            order = (Verdict.SAME, Verdict.REGRESSED, Verdict.BETTER, Verdict.UNDECIDED)
            cells = [f"{said[str(verdict)] / GATES:.1%}" for verdict in order]
            print(f"| {title} | {' | '.join(cells)} | {number:.0f} |")
    else:
        for title, verdicts, seconds in real(given.n, given.results, given.every):
            print(f"{title}: {Counter(verdicts)}, {seconds:.0f} s")


if __name__ == "__main__":
    main()
